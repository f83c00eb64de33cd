// Pipeline stages by search: which blocks of a model run on which devices.
//
//   of.blocks ─▶ BlockCosts, for each group of devices ─▶ StageProblem ─▶ candidates, fastest first
//                                                            ▲ BoxingPlanner: what crosses a cut
//
// A candidate is an estimate from blocks that know nothing of their neighbours; the network of all
// stages, with every exchange in it, has the last word (Search.cpp). One of the candidates is the
// whole mesh as one stage. Groups of devices are equal parts of a node, whole nodes or equal
// numbers of nodes; where devices differ and are few, any devices that follow one another, so that
// slow ones get fewer ops. Borrows the module; one thread.
#pragma once

#include "lib/Config/Job.h"
#include "lib/Distribute/BlockCosts.h"
#include "lib/Train/Blocks.h"

namespace of {

/// A cut is looked at if it is estimated to take no longer than so many times the best: estimates
/// hold all blocks of a stage to one layout where they meet, the network does not.
inline constexpr double promisingPlan = 1.25;

/// One way to cut the program.
struct StagePlan {
  std::vector<int64_t> firstBlocks; ///< by stage
  std::vector<MeshAttr> meshes;     ///< by stage
  double seconds = 0;               ///< of a step, estimated

  int64_t stages() const { return static_cast<int64_t>(meshes.size()); }
  int64_t stageOf(int64_t block) const {
    return llvm::upper_bound(firstBlocks, block) - firstBlocks.begin() - 1;
  }
};

class StageSearch {
public:
  /// Of a module with blocks; `train` is the program that decides, `levels` those at which values
  /// may be computed again.
  StageSearch(mlir::ModuleOp module, ProgramOp train, const Cluster &cluster,
              BoxingPlanner &planner, const RecomputeLevels &levels);

  /// A factor on estimated bytes of all but variables.
  void setMemoryFactor(double factor) { memoryFactor = factor; }
  /// What another search of the same module left; null: nothing.
  void setKnownTables(mlir::ArrayAttr tables);
  /// All tables so far: [devices, shapes by way, costs].
  mlir::ArrayAttr knownTables();

  /// The best of each number of stages that fits, the fastest first; of a small program with few
  /// cuts all of them, with no estimate. Errors at an op.
  mlir::FailureOr<std::vector<StagePlan>> candidates();
  bool hasAllPlans() const { return areAllPlans; }

  /// Of the train program.
  size_t numOps() const {
    size_t count = 0;
    for (const auto &block : trainOps)
      count += block.size();
    return count;
  }

  int64_t numBlocks() const { return trainOps.size(); }

  /// All devices as one stage.
  StagePlan wholeMesh();

  /// Says what a plan takes. Seconds if it was looked at with all its exchanges and fits.
  void remark(const StagePlan &plan, std::optional<double> seconds);

  /// Places all programs so.
  void place(const StagePlan &plan);

  /// Writes the stages into the ops; there are no blocks any more.
  void keep(const StagePlan &plan);

  /// What the model calls the value with which a block begins.
  std::string nameOf(int64_t block);

private:
  /// Devices that are alike to the search, by what they are and how they are connected.
  using Signature = std::vector<int64_t>;
  struct Cut {
    llvm::SmallVector<mlir::Value> forward, backward; ///< values that cross in a micro-batch
  };

  void findBlocks();
  void findCuts();
  Signature signatureOf(int64_t first, int64_t count) const;
  std::vector<std::pair<int64_t, int64_t>> groups() const;
  mlir::LogicalResult addTables(std::optional<int64_t> only);
  double idealSeconds();
  const search::Crossing &crossingOf(const search::StageMesh &from, const search::StageMesh &to);
  search::StageProblem problemFor(int64_t stages);
  std::optional<StagePlan> solve(int64_t stages);
  bool isUniform() const;
  bool addAllPlans(std::vector<StagePlan> &out);

  mlir::ModuleOp module;
  ProgramOp train;
  const Cluster &cluster;
  BoxingPlanner &planner;
  llvm::DenseMap<mlir::Operation *, int64_t> blockOf; ///< ops of all programs, and variables
  BlockOps trainOps;
  std::optional<BlockCosts> costs;
  std::vector<Cut> cuts; ///< before each block
  std::vector<search::StageMesh> meshes;
  std::vector<BlockTable> tables;
  std::map<Signature, size_t> tableOf;                     ///< looked up only
  std::map<std::pair<int64_t, int64_t>, BlockTable> known; ///< by devices: first, count
  std::vector<std::pair<int64_t, int64_t>> tableDevices;   ///< of each of `tables`
  double memoryFactor = 1;
  bool areAllPlans = false;
  std::map<std::pair<Signature, int64_t>, search::Crossing> crossings;
};

} // namespace of
