// Small helpers to write programs in `of` ops: gradients and decompositions read like formulas.
#pragma once

#include "dialects/Of/Of.h"

namespace of {

/// Sums a value down to the type it was broadcast from (numpy rules); the value itself if the
/// shapes agree.
mlir::Value sumTo(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value, mlir::Type type);

/// `of.constant` of a rank-0 tensor with the element type of `like`.
mlir::Value scalarLike(mlir::OpBuilder &b, mlir::Location loc, mlir::Value like, double value);

/// dims as counted from the front, sorted; negative ones count from the back.
llvm::SmallVector<int64_t> normalizeDims(llvm::ArrayRef<int64_t> dims, int64_t rank);

inline mlir::RankedTensorType tensorType(mlir::Value v) {
  return mlir::cast<mlir::RankedTensorType>(v.getType());
}

} // namespace of
