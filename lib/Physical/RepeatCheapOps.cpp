#include "lib/Physical/RepeatCheapOps.h"

#include "lib/Codegen/Codegen.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace of {

namespace {

/// Can it be done again with the same result?
bool isPointwise(Operation *op) {
  return isa<PointwiseOpInterface>(op) && isFusable(op) && !isFree(op) &&
         !isa<RandomOpInterface>(op);
}

/// One operation of a processor for each element: what is linear in an operand.
bool isCheap(Operation *op) {
  return isPointwise(op) && !cast<PointwiseOpInterface>(op).getLinearOperandSets().empty();
}

int64_t elementsOf(Value value) { return localType(value.getType()).getNumElements(); }

/// What a cache keeps until it is read again. A function takes tens of operations: about what
/// writing its result to memory and reading it again does.
constexpr int64_t kCachedElements = 1 << 18;
/// Ops that lead from what a kernel reads to a function's result.
constexpr size_t kMostChainOps = 8;

using ClusterOf = llvm::DenseMap<Operation *, size_t>;

/// Repeats ops in one cluster.
class Repeater {
public:
  Repeater(size_t cluster, KernelCluster &ops, ClusterOf &clusterOf,
           llvm::SetVector<Operation *> &repeated)
      : cluster(cluster), ops(ops), clusterOf(clusterOf), repeated(repeated) {
    for (Operation *op : ops)
      for (Value operand : op->getOperands())
        if (!isInside(operand))
          inputs.insert(operand);
  }

  void run() {
    SmallVector<Operation *> candidates;
    for (Value input : inputs)
      if (Operation *op = input.getDefiningOp();
          op && op->getBlock() == ops[0]->getBlock() && isPointwise(op))
        candidates.push_back(op);
    // The last first: what it reads may be repeated after it.
    llvm::sort(candidates, [](Operation *x, Operation *y) { return y->isBeforeInBlock(x); });
    for (Operation *op : candidates)
      if (isReadOnceAnElement(op->getResult(0)) && isWorthwhile(op))
        repeat(op);
  }

private:
  bool isInside(Value value) { return isInside(value.getDefiningOp()); }
  bool isInside(Operation *op) {
    auto at = clusterOf.find(op);
    return op && at != clusterOf.end() && at->second == cluster;
  }

  /// A cheap op of what is read here already; or a function's result that then is not kept at all.
  bool isWorthwhile(Operation *op) {
    if (isCheap(op) &&
        llvm::all_of(op->getOperands(), [&](Value operand) { return isThere(operand); }))
      return true;
    size_t ops = 0, functions = 0;
    return elementsOf(op->getResult(0)) > kCachedElements && isReadHereOnly(op) &&
           isChain(op, ops, functions);
  }

  /// Is this read here already, or free?
  bool isThere(Value operand) {
    if (inputs.contains(operand))
      return true;
    Operation *producer = operand.getDefiningOp();
    return producer && producer->getBlock() == ops[0]->getBlock() && isFree(producer) &&
           llvm::all_of(producer->getOperands(), [&](Value value) { return isThere(value); });
  }

  /// Does it take a few ops, one function at most, from what is there to this one?
  bool isChain(Operation *op, size_t &ops, size_t &functions) {
    functions += !isCheap(op);
    if (++ops > kMostChainOps || functions > 1)
      return false;
    return llvm::all_of(op->getOperands(), [&](Value operand) {
      if (isThere(operand))
        return true;
      Operation *producer = operand.getDefiningOp();
      return producer && producer->getBlock() == op->getBlock() && isPointwise(producer) &&
             elementsOf(operand) >= elementsOf(op->getResult(0)) &&
             isChain(producer, ops, functions);
    });
  }

  /// Is this kernel the only one, besides its own, that reads what the op computes?
  bool isReadHereOnly(Operation *op) {
    size_t home = clusterOf.lookup(op);
    return llvm::all_of(op->getUsers(), [&](Operation *user) {
      auto at = clusterOf.find(user);
      return at != clusterOf.end() && (at->second == home || at->second == cluster);
    });
  }

  /// No reader with more elements would have it computed again and again.
  bool isReadOnceAnElement(Value value) {
    return llvm::all_of(value.getUsers(), [&](Operation *user) {
      return !isInside(user) || elementsOf(user->getResult(0)) <= elementsOf(value);
    });
  }

  void repeat(Operation *op) {
    auto reads = [&](Operation *reader) { return llvm::is_contained(op->getUsers(), reader); };
    auto first = llvm::find_if(ops, reads);
    if (first == ops.end())
      return;
    SmallVector<std::pair<Operation *, Operation *>> copies; // of what, which
    OpBuilder b(*first);
    Value copy = copyOf(op, b, copies);
    KernelCluster longer(ops.begin(), first);
    llvm::append_range(longer, llvm::make_second_range(copies));
    longer.append(first, ops.end());
    op->getResult(0).replaceUsesWithIf(copy,
                                       [&](OpOperand &use) { return isInside(use.getOwner()); });
    if (!canFuse(longer)) {
      copy.replaceAllUsesWith(op->getResult(0));
      for (auto [of, made] : llvm::reverse(copies))
        made->erase();
      return;
    }
    ops = std::move(longer);
    for (auto [of, made] : copies) {
      clusterOf[made] = cluster;
      if (!isFree(of))
        repeated.insert(of);
    }
    inputs.remove(op->getResult(0));
  }

  /// The op again, after what it reads and is not there.
  Value copyOf(Operation *op, OpBuilder &b,
               SmallVector<std::pair<Operation *, Operation *>> &copies) {
    SmallVector<Value> operands = llvm::map_to_vector(op->getOperands(), [&](Value operand) {
      return inputs.contains(operand) ? operand : copyOf(operand.getDefiningOp(), b, copies);
    });
    Operation *copy = b.clone(*op);
    copy->setOperands(operands);
    copies.push_back({op, copy});
    return copy->getResult(0);
  }

  const size_t cluster;
  KernelCluster &ops;
  ClusterOf &clusterOf;
  llvm::SetVector<Operation *> &repeated;
  llvm::SetVector<Value> inputs; ///< that the kernel reads
};

bool isSingle(const KernelCluster &ops) { return ops.size() == 1 && !isFusable(ops[0]); }

/// Erases ops that no one needs any more from their clusters, and the free ops that they read.
class Eraser {
public:
  Eraser(MutableArrayRef<KernelCluster> clusters, const ClusterOf &clusterOf)
      : clusters(clusters), clusterOf(clusterOf) {}

  void run(const llvm::SetVector<Operation *> &repeated) {
    SmallVector<Operation *> open(repeated.begin(), repeated.end());
    while (!open.empty()) {
      Operation *op = open.pop_back_val();
      if (erased.contains(op) || !op->use_empty() || !leaveCluster(op))
        continue;
      for (Value operand : op->getOperands())
        if (Operation *producer = operand.getDefiningOp();
            producer && (isFree(producer) || repeated.contains(producer)))
          open.push_back(producer);
      erased.insert(op);
      op->erase();
    }
  }

private:
  /// False if the others are no kernel without it.
  bool leaveCluster(Operation *op) {
    auto at = clusterOf.find(op);
    if (at == clusterOf.end())
      return true;
    KernelCluster &ops = clusters[at->second];
    KernelCluster rest;
    llvm::copy_if(ops, std::back_inserter(rest), [&](Operation *other) { return other != op; });
    if (!rest.empty() && !canFuse(rest))
      return false;
    ops = std::move(rest);
    return true;
  }

  MutableArrayRef<KernelCluster> clusters;
  const ClusterOf &clusterOf;
  llvm::DenseSet<Operation *> erased;
};

} // namespace

void repeatCheapOps(MutableArrayRef<KernelCluster> clusters) {
  llvm::SetVector<Operation *> repeated;
  ClusterOf clusterOf;
  for (auto [i, ops] : llvm::enumerate(clusters))
    for (Operation *op : ops)
      clusterOf[op] = i;
  for (auto [i, ops] : llvm::enumerate(clusters))
    if (!ops.empty() && !isSingle(ops))
      Repeater(i, ops, clusterOf, repeated).run();
  Eraser(clusters, clusterOf).run(repeated);
}

} // namespace of
