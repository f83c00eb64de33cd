// The choice of distributions as a network: what can be chosen, and what it costs.
//
//   value     a tensor; its candidates are the distributions that its producer's options give it
//   node      an op (or one value of a yield); its options are joint signatures, one per mesh axis
//   cost      of a node: seconds of the option; of an edge: seconds of the boxing between what the
//             producer gives and what the option needs
//
// A solver (Choose.h) picks one option per node; the rewriter (Rewrite.h) writes types and boxings.
// Neither knows an op by name: options come from the declared signatures.
//
// An option is offered on an axis if everything is broadcast, if an operand can have the split or
// partial value that it needs there, or if a pin or a variable that takes the result asks for it:
// splits spread from readers, pins and variables, they do not arise elsewhere. Nor are they undone
// where an op can keep them, unless a variable wants the result whole. Nothing that is whole
// becomes partial. Values of ops without operands (constants) are free: each user gets its own in
// the distribution it needs.
//
// An open network offers all that can be instead, for a search to choose from: every signature of
// every op on every axis, batches whole or split, and any distribution of the variables that are
// not given. Such a variable is one node that stands for its gets and its set.
//
// Owned by the pass for one program; values are borrowed from the IR, which must not change. One
// thread.
#pragma once

#include "dialects/Of/Of.h"
#include "lib/Distribute/BoxingPlanner.h"
#include "lib/Distribute/Pins.h"
#include "lib/Distribute/RecomputeGroups.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"

#include <deque>
#include <map>
#include <memory>

namespace of {

/// One way to run an op.
struct DistOption {
  llvm::SmallVector<NdSbp> operands; ///< what it needs
  llvm::SmallVector<NdSbp> made;     ///< how its results come out
  llvm::SmallVector<NdSbp> results;  ///< how users see them: as made, with pins put in
  double seconds = 0;                ///< of one run, with the boxings that pins need
};

/// The options of a node. Ops that are alike share theirs until one is changed.
class DistOptions {
public:
  size_t size() const { return all->size(); }
  bool empty() const { return all->empty(); }
  const DistOption *begin() const { return all->begin(); }
  const DistOption *end() const { return all->end(); }
  const DistOption &front() const { return all->front(); }
  const DistOption &operator[](size_t i) const { return (*all)[i]; }

  llvm::SmallVector<DistOption> &edit() {
    if (all.use_count() > 1)
      all = std::make_shared<llvm::SmallVector<DistOption>>(*all);
    return *all;
  }
  void push_back(DistOption option) { edit().push_back(std::move(option)); }
  void keepOnly(DistOption option) {
    all = std::make_shared<llvm::SmallVector<DistOption>>(1, std::move(option));
  }

private:
  std::shared_ptr<llvm::SmallVector<DistOption>> all =
      std::make_shared<llvm::SmallVector<DistOption>>();
};

struct DistNode {
  mlir::Operation *op = nullptr; ///< of an open variable: a get, else the set
  llvm::SmallVector<mlir::OpOperand *> operands;
  llvm::SmallVector<mlir::Value> results;
  MeshAttr mesh;
  int64_t times = 1; ///< runs per step
  DistOptions options;
  llvm::StringRef variable; ///< whose distribution this chooses; empty for other nodes
  bool isGiven = false;     ///< others of its options were taken away by name
};

struct DistValue {
  MeshAttr mesh;
  llvm::SmallVector<NdSbp> candidates;
  int64_t times = 1;   ///< productions per step
  bool isFree = false; ///< made anew for every user
};

/// Where a program's choice begins and ends.
struct DistBoundary {
  const llvm::StringMap<DistAttr> &variables;
  bool splitsBatch = false; ///< rows of a batch lie split on the axis `data`
  bool isOpen = false;      ///< everything that can be is offered
  /// What each variable may lie as, for those that are not in `variables`.
  const llvm::StringMap<llvm::SmallVector<NdSbp>> *openVariables = nullptr;
  /// A part of an open program: these ops alone, all on `mesh`. What comes from or goes to other
  /// ops in a micro-batch has its rows split over `cutAxes` where there are enough, and is whole
  /// over the others; anything else arrives as is best.
  const llvm::DenseSet<mlir::Operation *> *within = nullptr;
  MeshAttr mesh = {};
  llvm::SmallVector<bool> cutAxes = {};
};

/// Bytes of the largest part of a value that lies so.
inline int64_t partBytes(mlir::Type type, DistAttr dist) { return partBytes(withDist(type, dist)); }

/// Of the variable that a node stands for.
int64_t variableBytes(const DistNode &node, const DistOption &option);

class DistNetwork {
public:
  /// Errors at an op: a pin that cannot be had, an op that is not placed.
  static mlir::FailureOr<DistNetwork> build(ProgramOp program, DistBoundary boundary,
                                            const Cluster &cluster, BoxingPlanner &planner);

  const std::deque<DistNode> &nodes() const { return nodeList; }
  bool isOpen() const { return boundary.isOpen; }
  const Cluster &onCluster() const { return *cluster; }
  const DistValue &value(mlir::Value v) const { return valueMap.find(v)->second; }

  /// Seconds per step to have `v`, which lies as `from`, as `to`; infinite if that is not offered.
  double moveSeconds(mlir::Value v, DistAttr from, DistAttr to) const;

  /// Bytes per step that the same moves between devices.
  int64_t moveBytes(mlir::Value v, DistAttr from, DistAttr to) const;

  /// What may be computed again, and at which levels each of its groups; null: nothing.
  const RecomputeGroups *recompute() const { return groups.get(); }
  llvm::ArrayRef<RecomputeLevels> levels() const { return groupLevels; }
  /// One entry for each group.
  void setLevels(std::vector<RecomputeLevels> levels) { groupLevels = std::move(levels); }

  /// On estimated bytes: those of all but variables.
  double memoryFactor() const { return bytesFactor; }
  void setMemoryFactor(double factor) { bytesFactor = factor; }

  /// The same with fewer options: `change` is called for a copy of each node and may take some
  /// away.
  DistNetwork with(llvm::function_ref<void(DistNode &)> change) const;

  /// Bytes of a device that the registers and landing slots of this boxing take.
  int64_t boxingBytes(mlir::Value v, DistAttr from, DistAttr to) const {
    return from == to ? 0 : planner->move(v.getType(), from, to).bytesTaken;
  }

private:
  friend class OptionBuilder;
  DistNetwork(ProgramOp program, DistBoundary boundary, const Cluster &cluster,
              BoxingPlanner &planner)
      : boundary(boundary), cluster(&cluster), planner(&planner), program(program) {}

  mlir::LogicalResult addOp(mlir::Operation *op);
  mlir::LogicalResult addAccess(mlir::Operation *access, llvm::StringRef name);
  MeshAttr meshOf(mlir::Operation *op) const;
  bool isWithin(mlir::Operation *op) const;
  NdSbp cutLayout(mlir::Value v) const;
  void addArrivals(mlir::Operation *op);
  void addDepartures(mlir::Operation *op);
  void addOpenVariable(llvm::StringRef name, mlir::Operation *access);
  void addRead(ReadOp read);
  mlir::LogicalResult addYield(YieldOp yield);
  void addFree(mlir::Operation *op);
  void addNode(DistNode node);
  void noteWishes(ProgramOp program);

  DistBoundary boundary;
  const Cluster *cluster;
  BoxingPlanner *planner;
  std::deque<DistNode> nodeList; ///< nodes are large: what is there stays where it is
  llvm::DenseMap<mlir::Value, DistValue> valueMap;
  /// What a variable will take a value as, spread to the values it is computed from.
  llvm::DenseMap<mlir::Value, NdSbp> wishes;
  ProgramOp program;
  std::shared_ptr<const RecomputeGroups> groups;
  std::vector<RecomputeLevels> groupLevels;
  double bytesFactor = 1;
  llvm::StringSet<> opened; ///< variables that have their node
  llvm::StringMap<llvm::SmallVector<mlir::Operation *>> accesses; ///< gets and sets, by variable
  /// Options of ops that are alike in all that options depend on.
  std::map<std::vector<const void *>, DistOptions> optionsOf;
};

/// What messages call a node: the variable, or what the model calls the op's result; else the op.
llvm::StringRef nameOf(const DistNode &node);

inline DistAttr distAttr(MeshAttr mesh, const NdSbp &sbp) {
  return DistAttr::get(mesh.getContext(), mesh, sbp);
}

/// Does the op, which has no operands, give its result like this?
bool canMake(mlir::Operation *op, const NdSbp &sbp);

} // namespace of
