// How ops talk to code generation.
#pragma once

#include "runtime/base/DType.h"
#include "runtime/base/Geometry.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

#include <string>

namespace of {

/// What a point of the iteration space knows about itself beyond its operands' values. Code
/// generation implements it.
class PointContext {
public:
  virtual ~PointContext() = default;
  /// Index (an `index` value) of the point along a dim of the op's result in the logical tensor:
  /// local index + this device's offset.
  virtual mlir::Value globalIndex(mlir::OpBuilder &builder, unsigned dim) = 0;
  /// Offset of this device's part of an operand or result along a dim, an `index` value: for ops
  /// that need it outside a point.
  virtual mlir::Value operandOffset(mlir::OpBuilder &builder, unsigned operand, unsigned dim) = 0;
  /// Index of the micro-batch within the step, an `index` value.
  virtual mlir::Value microIndex(mlir::OpBuilder &builder) = 0;
  /// Logical shape of the op's result.
  virtual llvm::ArrayRef<int64_t> logicalShape() const = 0;
  /// A number of this op alone, an i64 value: kernels that differ in nothing but such numbers share
  /// their code. For seeds and identities, of which no code is made better by knowing them.
  virtual mlir::Value number(mlir::OpBuilder &builder, mlir::Location loc, int64_t value);
};

/// A routine of runtime/kernel (see its README for names and attributes).
struct LibraryCall {
  std::string name;
  DType dtype = DType::F32;
  llvm::SmallVector<int64_t> ints;
  llvm::SmallVector<double> floats;
  /// The routine takes a scratch buffer after the results; its size comes from `of-run probe
  /// --scratch`.
  bool scratch = false;
  /// Offsets the routine takes as scalars: (value, dim) pairs, the first logical index this device
  /// holds. Values are the op's operands, then its results.
  llvm::SmallVector<std::pair<unsigned, unsigned>> offsets;
};

/// Running state of an op in training, see TrainingModeOpInterface.
struct RunningState {
  unsigned stateOperand;
  unsigned batchResult;
  double momentum;
};

/// DType of an element type; bool for i1.
DType dtypeOf(mlir::Type elementType);
/// Bytes of a tensor of static shape, wherever it lies; of its largest part on any device.
int64_t tensorBytes(mlir::RankedTensorType type);
int64_t partBytes(mlir::Type type);
mlir::Type typeOf(DType dtype, mlir::MLIRContext *context);

} // namespace of
