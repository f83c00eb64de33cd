// Rewrites ops that declare themselves as short programs (softmax, losses, normalisations) into
// those programs.
#pragma once

#include "mlir/IR/Operation.h"

namespace of {

/// Every op under `root`, until none is decomposable; before autodiff but those that have a
/// gradient of their own. New ops inherit location, pin and stage. Errors at the op.
mlir::LogicalResult decomposeAll(mlir::Operation *root, bool areDifferentiated = true);

/// Puts a pin on the op that defines `value`. Where that op already has one, or `value` has other
/// uses that the pin does not mean, a copy takes it; returns the pinned value.
mlir::Value pinValue(mlir::OpBuilder &b, mlir::Value value, mlir::DictionaryAttr pin,
                     bool isShared);

} // namespace of
