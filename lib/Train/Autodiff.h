// Reverse-mode differentiation of a block of `of` ops.
//
// Source: the usual reverse accumulation (Griewank & Walther, Evaluating Derivatives, ch. 3); every
// op brings its vector-Jacobian product through DifferentiableOpInterface. Gradients are added in
// the reverse order of the uses: the order is the program's, so the same model gives the same bits.
#pragma once

#include "mlir/IR/Builders.h"

namespace of {

/// Appends to the block of `output` the gradients of `wrt`, given the gradient `seed` of `output`.
/// One entry per value of `wrt`, null if `output` does not depend on it. Ops under it bring their
/// location, stage and dual pin to their gradients. An op on a path from `wrt` to `output` that has
/// no gradient is an error at that op.
mlir::FailureOr<llvm::SmallVector<mlir::Value>> buildGradients(mlir::Value output, mlir::Value seed,
                                                               mlir::ValueRange wrt);

/// Pin of the gradient of a value with this pin: S stays S, B becomes P, P becomes B.
mlir::DictionaryAttr dualPin(mlir::DictionaryAttr pin);

/// `of.grad_pin`: a pin of an op's gradient, instead of the dual of its pin.
inline constexpr llvm::StringLiteral gradientPinAttrName = "of.grad_pin";

/// Erases ops whose results nobody needs, including those that this leaves behind.
void eraseDeadOps(mlir::Block &block);

} // namespace of
