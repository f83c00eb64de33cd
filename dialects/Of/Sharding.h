// What ops declare about distribution, and the checks on it.
//
// A ShardingRule lists the factors of an op. On one mesh axis an op runs under one Signature:
// everything broadcast, one factor split, or one of the op's extra signatures (linear ops pass
// partial values through). `signaturesOf` enumerates them in a fixed order.
#pragma once

#include "runtime/base/Geometry.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/TypeRange.h"
#include "mlir/IR/ValueRange.h"

namespace of {
class MeshAttr;
class DistAttr;

/// One independent dim of a computation.
struct Factor {
  int64_t size = 0;
  /// Dim of each operand and result that carries the factor, -1 where absent (that value is
  /// broadcast, or partial if a result).
  llvm::SmallVector<int> operandDims, resultDims;
  /// Results without the factor become partial of this kind; Broadcast says it reduces nothing.
  SbpKind reduction = SbpKind::Broadcast;
  /// Splits must be even: the factor is the major part of a merged dim, whose balanced split would
  /// differ.
  bool evenOnly = false;
};

/// SBP of every operand and result on one mesh axis.
struct Signature {
  llvm::SmallVector<Sbp> operands, results;
  bool evenOnly = false;
  /// Factor that is split, or -1.
  int factor = -1;
};

struct ShardingRule {
  llvm::SmallVector<Factor> factors;
  llvm::SmallVector<Signature> extra;
};

/// All signatures of an op on one axis: broadcast first, then factors, then extras. Ops without a
/// rule have only the first.
llvm::SmallVector<Signature> signaturesOf(mlir::Operation *op);

/// The encoding of a type, or null.
DistAttr distOf(mlir::Type type);
DistAttr distOf(mlir::Value value);
/// The same type without / with an encoding.
mlir::RankedTensorType withoutDist(mlir::Type type);
mlir::RankedTensorType withDist(mlir::Type type, DistAttr dist);
/// Largest local type over the mesh, without encoding; the type itself if it has none.
mlir::RankedTensorType localType(mlir::Type type);
/// The local type at one point of the mesh (row-major), without encoding.
mlir::RankedTensorType localTypeAt(mlir::Type type, int64_t point);

/// Equal up to encodings; dynamic dims match anything.
bool isCompatibleIgnoringDist(mlir::TypeRange l, mlir::TypeRange r);

/// Verifier of ShardingOpInterface: no type distributed, or all on one mesh with a declared
/// signature on every axis.
mlir::LogicalResult verifyDistribution(mlir::Operation *op);

/// Numpy broadcasting from result indices to operand indices.
mlir::AffineMap broadcastMap(mlir::Type operand, mlir::Type result);

/// The rule of a pointwise op, from its maps and linear sets; of a reduction.
ShardingRule pointwiseRule(mlir::Operation *op);
ShardingRule reductionRule(mlir::Operation *op);

} // namespace of
