// What the blocks of a train program cost on a group of devices: the inner problem of the search of
// stages.
//
// Each block is a network of its own, with all devices of the group: its forward ops, what was made
// from them for the backward pass, and the update of its variables. Between blocks activations have
// their rows split over some axes of the mesh and are whole over the others, the same for all
// blocks of a stage: so what blocks cost adds up to what the stage can have, and each choice of
// axes is a way of running it. Where memory is short each is solved again with a price on bytes, so
// that there are ways from the fastest to the smallest, also with values computed again for the
// backward pass. Blocks that are alike are solved once.
// Borrows the IR, which no one may change meanwhile; meshes and blocks are priced on all cores,
// with the same results on any number.
#pragma once

#include "lib/Distribute/MeshShapes.h"
#include "lib/Distribute/Network.h"
#include "lib/Search/StagePartition.h"

#include <deque>

namespace of {

/// Ways of running all blocks on one group of devices.
struct BlockTable {
  std::vector<MeshShape> shapes;                     ///< of the mesh, by way
  std::vector<std::vector<search::BlockCost>> costs; ///< [way][block]; infinite seconds: impossible
};

/// Ops of a program by block.
using BlockOps = std::vector<llvm::DenseSet<mlir::Operation *>>;

class BlockCosts {
public:
  /// `ops` is borrowed.
  BlockCosts(mlir::ModuleOp module, ProgramOp program, const BlockOps &ops, const Cluster &cluster,
             BoxingPlanner &planner);

  /// At which blocks may compute values again; none unless this is called.
  void setLevels(RecomputeLevels of) { levels = std::move(of); }

  /// On devices [first, first + count), on every shape their mesh can have. With the bytes that one
  /// of the devices has, also in ways that need less, if the fastest may need too much.
  mlir::FailureOr<BlockTable> on(int64_t first, int64_t count, std::optional<int64_t> memoryBytes);

  int64_t microBatches() const { return microCount; }

private:
  class Block;
  struct MeshBlocks;
  std::deque<MeshBlocks> meshesOn(int64_t first, int64_t count);
  double priceOf(double part, const search::BlockCost &fastest) const;
  std::vector<search::BlockCost> ofAll(llvm::ArrayRef<search::BlockCost> costs) const;
  bool mayBeShort(const std::vector<search::BlockCost> &fastest, MeshAttr mesh,
                  int64_t memoryBytes) const;
  void findClasses();

  mlir::ModuleOp module;
  ProgramOp program;
  const BlockOps &ops;
  const Cluster &cluster;
  BoxingPlanner &planner;
  const RecomputeGroups groups;
  RecomputeLevels levels{Recompute::None};
  std::vector<size_t> classOf; ///< of each block
  std::vector<size_t> firstOf; ///< the first block of each class
  llvm::DenseMap<mlir::Operation *, int64_t> position;
  int64_t microCount = 1;
  int64_t turn = 0; ///< where the last block begins: what lives across it waits for its gradient
};

} // namespace of
