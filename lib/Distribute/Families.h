// Named ways to use a mesh: what an axis is for, as a condition on how tensors may lie along it.
//
//   data      the batch is split; whatever does not belong to rows of the batch is whole
//   zero      the batch is split and the optimizer's state too; parameters may be. What works on
//             rows of the batch takes them whole
//   tensor    rows of the batch are whole; all else may be split
//   megatron  some axes are for data, the others for tensor
//
// A family is a network with fewer options, never a list of ops. Which dims belong to the batch
// follows from the factors that ops declare: a factor that carries rows of a batch at one operand
// carries them at all. Pure functions of a network.
#pragma once

#include "lib/Distribute/Network.h"

namespace of {

/// What one mesh axis is for.
enum class AxisUse { Data, Sharded, Tensor };

using AxisUses = std::vector<AxisUse>; ///< one for each axis

/// Names in the order in which they are shown.
llvm::ArrayRef<llvm::StringRef> familyNames();

/// The ways in which the family can use the axes of this mesh; none if it needs more axes.
std::vector<AxisUses> familyUses(llvm::StringRef family, MeshAttr mesh);

/// Which dims of the values of a network run over rows of a batch.
class BatchDims {
public:
  explicit BatchDims(const DistNetwork &network);

  bool has(mlir::Value v) const { return masks.lookup(v) != 0; }
  bool has(mlir::Value v, unsigned dim) const { return masks.lookup(v) >> dim & 1; }

private:
  bool spread(const DistNode &node, const ShardingRule &rule);
  bool add(mlir::Value v, unsigned dim);

  llvm::DenseMap<mlir::Value, uint64_t> masks; ///< bit by dim
  llvm::DenseSet<mlir::Value> ofVariables;     ///< never rows of a batch
};

/// The network with the options that use the axes so. A node may be left without any.
DistNetwork restrictTo(const DistNetwork &network, const AxisUses &uses);

} // namespace of
