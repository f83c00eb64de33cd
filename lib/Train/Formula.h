// Writing programs in `of` ops so that they read like the formulas they come from.
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
};

/// A location that leads to `loc` under a name made of its own and `suffix`: "h1" -> "h1.grad".
mlir::Location derivedLoc(mlir::Location loc, llvm::StringRef suffix);

/// Calls `build` and hands every op it added to the end of `block` to `tag`, in order.
void tagNewOps(mlir::Block *block, llvm::function_ref<void()> build,
               llvm::function_ref<void(mlir::Operation *)> tag);

} // namespace of
