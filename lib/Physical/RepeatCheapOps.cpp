#include "lib/Physical/RepeatCheapOps.h"

#include "lib/Codegen/Codegen.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace of {

namespace {

/// One operation of a processor for each element: what is linear in an operand. Of functions, which
/// take tens of them, reading the result is the cheaper way.
bool isCheap(Operation *op) {
  auto pointwise = dyn_cast<PointwiseOpInterface>(op);
  return pointwise && isFusable(op) && !isFree(op) && !isa<RandomOpInterface>(op) &&
         !pointwise.getLinearOperandSets().empty();
}

int64_t elementsOf(Value value) { return localType(value.getType()).getNumElements(); }

/// Repeats ops in one cluster.
class Repeater {
public:
  Repeater(KernelCluster &ops, llvm::SetVector<Operation *> &repeated)
      : ops(ops), repeated(repeated), inside(ops.begin(), ops.end()) {
    for (Operation *op : ops)
      for (Value operand : op->getOperands())
        if (!isInside(operand))
          inputs.insert(operand);
  }

  void run() {
    SmallVector<Operation *> candidates;
    for (Value input : inputs)
      if (Operation *op = input.getDefiningOp();
          op && op->getBlock() == ops[0]->getBlock() && isCheap(op))
        candidates.push_back(op);
    // The last first: what it reads may be repeated after it.
    llvm::sort(candidates, [](Operation *x, Operation *y) { return y->isBeforeInBlock(x); });
    for (Operation *op : candidates)
      if (hasAllOperandsOf(op) && isReadOnceAnElement(op->getResult(0)))
        repeat(op);
  }

private:
  bool isInside(Value value) {
    Operation *op = value.getDefiningOp();
    return op && inside.contains(op);
  }

  /// Is everything that the op reads read here already, or free?
  bool hasAllOperandsOf(Operation *op) {
    return llvm::all_of(op->getOperands(), [&](Value operand) {
      if (inputs.contains(operand))
        return true;
      Operation *producer = operand.getDefiningOp();
      return producer && producer->getBlock() == op->getBlock() && isFree(producer) &&
             hasAllOperandsOf(producer);
    });
  }

  /// No reader with more elements would have it computed again and again.
  bool isReadOnceAnElement(Value value) {
    return llvm::all_of(value.getUsers(), [&](Operation *user) {
      return !inside.contains(user) || elementsOf(user->getResult(0)) <= elementsOf(value);
    });
  }

  void repeat(Operation *op) {
    auto reads = [&](Operation *reader) { return llvm::is_contained(op->getUsers(), reader); };
    auto first = llvm::find_if(ops, reads);
    if (first == ops.end())
      return;
    SmallVector<Operation *> copies;
    OpBuilder b(*first);
    Value copy = copyOf(op, b, copies);
    KernelCluster longer(ops.begin(), first);
    llvm::append_range(longer, copies);
    longer.append(first, ops.end());
    auto isHere = [&](OpOperand &use) { return inside.contains(use.getOwner()); };
    op->getResult(0).replaceUsesWithIf(copy, isHere);
    if (!canFuse(longer)) {
      copy.replaceAllUsesWith(op->getResult(0));
      for (Operation *made : llvm::reverse(copies))
        made->erase();
      return;
    }
    ops = std::move(longer);
    inside.insert(copies.begin(), copies.end());
    inputs.remove(op->getResult(0));
    repeated.insert(op);
  }

  /// The op again, after the free ops it reads.
  Value copyOf(Operation *op, OpBuilder &b, SmallVector<Operation *> &copies) {
    SmallVector<Value> operands = llvm::map_to_vector(op->getOperands(), [&](Value operand) {
      return inputs.contains(operand) ? operand : copyOf(operand.getDefiningOp(), b, copies);
    });
    Operation *copy = b.clone(*op);
    copy->setOperands(operands);
    copies.push_back(copy);
    return copy->getResult(0);
  }

  KernelCluster &ops;
  llvm::SetVector<Operation *> &repeated;
  llvm::DenseSet<Operation *> inside;
  llvm::SetVector<Value> inputs; ///< that the kernel reads
};

bool isSingle(const KernelCluster &ops) { return ops.size() == 1 && !isFusable(ops[0]); }

/// Erases ops that no one needs any more from their clusters, and the free ops that they read.
class Eraser {
public:
  explicit Eraser(MutableArrayRef<KernelCluster> clusters) : clusters(clusters) {
    for (auto [i, ops] : llvm::enumerate(clusters))
      for (Operation *op : ops)
        clusterOf[op] = i;
  }

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
  llvm::DenseMap<Operation *, size_t> clusterOf;
  llvm::DenseSet<Operation *> erased;
};

} // namespace

void repeatCheapOps(MutableArrayRef<KernelCluster> clusters) {
  llvm::SetVector<Operation *> repeated;
  for (KernelCluster &ops : clusters)
    if (!ops.empty() && !isSingle(ops))
      Repeater(ops, repeated).run();
  Eraser(clusters).run(repeated);
}

} // namespace of
