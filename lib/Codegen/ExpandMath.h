// Elementary functions as straight-line arithmetic, so that kernels need no libm and LLVM
// vectorises them.
//
// exp, log, tanh, erf, sin, cos and their relatives on f32 and f64: reduction of the argument, a
// polynomial, and selects for special values; infinities, NaN and denormal arguments and results
// come out as libm has them. f64 stays within 1e-15 relative, f32 within 2e-7. sin and cos hold
// that for |x| <= 2^20 and lose it gradually beyond. Halves go through f32. Methods: W. J. Cody and
// W. Waite, Software Manual for the Elementary Functions.
#pragma once

#include "mlir/IR/Operation.h"

namespace of {

/// Expands all `math` ops below `root` that LLVM would turn into calls. With `fma` polynomials use
/// fused multiply-add. Ops that have no expansion are an error at the op.
mlir::LogicalResult expandMath(mlir::Operation *root, bool fma);

} // namespace of
