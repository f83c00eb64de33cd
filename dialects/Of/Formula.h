// Writing programs in `of` ops so that they read like the formulas they come from: gradients,
// decompositions, losses, optimizers.
//
// A Formula is a builder with one location; scalars are rank-0 tensors and broadcast. A value type
// that borrows its builder.
#pragma once

#include "dialects/Of/Build.h"

namespace of {

class Formula {
public:
  Formula(mlir::OpBuilder &b, mlir::Location loc) : b(b), loc(loc) {}

  mlir::OpBuilder &b;
  mlir::Location loc;

  mlir::Value add(mlir::Value x, mlir::Value y) { return AddOp::create(b, loc, x, y); }
  mlir::Value sub(mlir::Value x, mlir::Value y) { return SubOp::create(b, loc, x, y); }
  mlir::Value mul(mlir::Value x, mlir::Value y) { return MulOp::create(b, loc, x, y); }
  mlir::Value div(mlir::Value x, mlir::Value y) { return DivOp::create(b, loc, x, y); }
  mlir::Value pow(mlir::Value x, mlir::Value y) { return PowOp::create(b, loc, x, y); }
  mlir::Value min(mlir::Value x, mlir::Value y) { return MinOp::create(b, loc, x, y); }
  mlir::Value sqrt(mlir::Value x) { return SqrtOp::create(b, loc, x); }
  mlir::Value cos(mlir::Value x) { return CosOp::create(b, loc, x); }
  mlir::Value floor(mlir::Value x) { return FloorOp::create(b, loc, x); }
  mlir::Value less(mlir::Value x, mlir::Value y) { return CompareOp::create(b, loc, "lt", x, y); }
  mlir::Value equal(mlir::Value x, mlir::Value y) { return CompareOp::create(b, loc, "eq", x, y); }
  mlir::Value select(mlir::Value c, mlir::Value x, mlir::Value y) {
    return SelectOp::create(b, loc, c, x, y);
  }
  mlir::Value cast(mlir::Value x, mlir::Type element) {
    return tensorType(x).getElementType() == element
               ? x
               : CastOp::create(b, loc, x, element).getResult();
  }
  /// A scalar of x's element type.
  mlir::Value like(mlir::Value x, double value) { return scalarLike(b, loc, x, value); }
  mlir::Value scalar(mlir::Type element, double value) {
    return ConstantOp::create(b, loc, mlir::RankedTensorType::get({}, element), value);
  }
  mlir::Value add(mlir::Value x, double y) { return add(x, like(x, y)); }
  mlir::Value mul(mlir::Value x, double y) { return y == 1 ? x : mul(x, like(x, y)); }
  /// Sum over dims [first, rank).
  mlir::Value sumFrom(mlir::Value x, int64_t first) {
    if (tensorType(x).getRank() <= first)
      return x;
    llvm::SmallVector<int64_t> dims;
    for (int64_t dim = first; dim < tensorType(x).getRank(); ++dim)
      dims.push_back(dim);
    return ReduceSumOp::create(b, loc, x, dims, false);
  }
  mlir::Value sum(mlir::Value x) { return sumFrom(x, 0); }
  mlir::Value square(mlir::Value x) { return mul(x, x); }
  mlir::Value neg(mlir::Value x) { return NegOp::create(b, loc, x); }
  mlir::Value exp(mlir::Value x) { return ExpOp::create(b, loc, x); }
  mlir::Value log(mlir::Value x) { return LogOp::create(b, loc, x); }
  mlir::Value tanh(mlir::Value x) { return TanhOp::create(b, loc, x); }
  mlir::Value erf(mlir::Value x) { return ErfOp::create(b, loc, x); }
  mlir::Value rsqrt(mlir::Value x) { return RsqrtOp::create(b, loc, x); }
  mlir::Value sigmoid(mlir::Value x) { return SigmoidOp::create(b, loc, x); }
  mlir::Value sum(mlir::Value x, llvm::ArrayRef<int64_t> dims, bool keepdims) {
    return ReduceSumOp::create(b, loc, x, dims, keepdims);
  }
  mlir::Value mean(mlir::Value x, llvm::ArrayRef<int64_t> dims, bool keepdims) {
    return ReduceMeanOp::create(b, loc, x, dims, keepdims);
  }
  mlir::Value reshape(mlir::Value x, llvm::ArrayRef<int64_t> shape) {
    return tensorType(x).getShape() == shape ? x : ReshapeOp::create(b, loc, x, shape).getResult();
  }
};

} // namespace of
