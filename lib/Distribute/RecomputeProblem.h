// The choice of what is computed again, as part of the cost network of distributions.
//
//   groups of forward ops that are alike ─▶ a node: at which level, and how many of them
//       ├ edge to each op that is done again: its seconds once more
//       ├ edge to each op whose values leave:  seconds of copies that nothing hides (HostCopies.h)
//       └ edge to what its values keep:       bytes between forward and backward use
//
//   value    made … last forward use │ gap │ the group is needed … last use
//            there                   │ only if kept │ there
//
// Of folded groups the first ones of each mesh are done again: their values would be kept longest,
// and stages that are alike stay so. Borrows the network.
#pragma once

#include "lib/Distribute/HostCopies.h"
#include "lib/Search/CostNetwork.h"

#include "llvm/ADT/MapVector.h"

namespace of {

class RecomputeProblem {
public:
  /// An option of a class of groups.
  struct Way {
    Recompute level;
    int64_t count; ///< groups of each mesh that are done again; 0 at level none
  };

  /// When a value is not used, and whether it is kept nevertheless. Numbers of nodes.
  struct Gap {
    size_t groups;  ///< class of the groups of which one decides,
    int64_t member; ///< and which of those on its mesh
    int64_t from, to;
    std::array<bool, numRecomputeLevels> isKept = {}; ///< by level
  };

  /// `classOf`: of each DistNode of the network.
  RecomputeProblem(const DistNetwork &network, const std::vector<uint32_t> &classOf);

  /// Adds the choices to the cost network, whose first nodes are the classes. `seconds` of one
  /// member of a class, by option; `added` is told what each mesh adds to the costs of the edge
  /// that is added next, and the class of ops whose seconds those are.
  void addChoices(search::CostNetwork &problem,
                  llvm::function_ref<llvm::ArrayRef<double>(uint32_t)> seconds,
                  llvm::function_ref<void(uint32_t, MeshAttr, std::vector<double>)> added);

  /// None if the value is in use from first to last.
  const Gap *gapOf(mlir::Value value) const;
  /// The node that needs a kept value last to compute others again; -1: none.
  int64_t lastAgain(mlir::Value value) const;

  llvm::ArrayRef<Way> ways(size_t groups) const { return classes[groups].ways; }
  /// With this way, is the value kept?
  bool isKept(const Gap &gap, const Way &way) const {
    return gap.isKept[static_cast<int>(gap.member < way.count ? way.level : Recompute::None)];
  }
  size_t numNodes() const { return classes.size(); }
  uint32_t nodeOf(size_t groups) const { return classes[groups].node; }

  /// The level of each group.
  RecomputeChoice levelsOf(const search::Choice &choice) const;

private:
  struct GroupClass {
    llvm::SmallVector<size_t> members;         ///< in program order
    llvm::MapVector<MeshAttr, int64_t> onMesh; ///< how many
    llvm::SmallVector<Way> ways;
    uint32_t node = 0;
  };

  void numberOps();
  void findClasses(const std::vector<uint32_t> &classOf);
  void findGaps();
  void findLeavingGaps();
  bool mayLeave(size_t group) const;
  Gap gapUntil(mlir::Value value, size_t group) const;
  void addGap(mlir::Value value, const Gap &gap);
  int64_t lastForward(mlir::Value value) const;
  std::map<uint32_t, int64_t> countAgain(size_t group, Recompute level) const;
  /// Seconds that a step is longer for what a node of the class leaves in one group, by option.
  std::map<uint32_t, std::vector<double>> leavingSeconds(size_t group) const;
  struct Dearer;
  std::vector<double> costsOn(const GroupClass &c, const Dearer &dearer, int64_t members,
                              uint32_t op, llvm::ArrayRef<double> seconds) const;

  const DistNetwork &network;
  const std::vector<uint32_t> &classOfNode;
  const HostCopies copies;
  llvm::DenseMap<mlir::Operation *, int64_t> position; ///< number of its node
  std::vector<GroupClass> classes;
  std::vector<int64_t> classOfGroup;  ///< -1: nothing to decide
  std::vector<int64_t> memberOfGroup; ///< its place in the class on its mesh
  llvm::DenseMap<mlir::Value, Gap> gaps;
  llvm::DenseMap<mlir::Value, int64_t> needed;
};

} // namespace of
