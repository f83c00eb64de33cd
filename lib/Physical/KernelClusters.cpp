#include "lib/Physical/KernelClusters.h"

#include "lib/Codegen/Codegen.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace of {

bool isKernelOp(Operation *op) {
  return isa<LibraryOpInterface, KernelOpInterface, LoopKernelOpInterface>(op) ||
         (isFusable(op) && !isa<ViewOpInterface>(op));
}

bool isFree(Operation *op) {
  if (!isFusable(op) || isa<RandomOpInterface>(op))
    return false;
  return isa<ViewOpInterface, ExpandOp>(op) ||
         (isa<PointwiseOpInterface>(op) && op->getNumOperands() == 0);
}

namespace {

// More ops than this make code generation slow and gain nothing.
constexpr size_t kMostOps = 64;

/// Less is not worth a kernel of its own.
constexpr int64_t kLittleBytes = 1 << 20;

int64_t elementsOf(Value value) { return localType(value.getType()).getNumElements(); }
int64_t partOf(Value value) { return partBytes(value.getType()); }

class Clusters {
public:
  explicit Clusters(Block &block) : block(block) {
    for (Operation &op : block) {
      position[&op] = members.size();
      clusterOf[&op] = members.size();
      members.push_back({&op});
    }
    for (Operation &op : block) {
      producers.push_back(producersOf(&op));
      others.push_back((others.empty() ? 0 : others.back()) + isSingle(clusterOf[&op]));
    }
    for (Operation &op : block)
      if (isKernelOp(&op) && !isFree(&op) && !isSingle(clusterOf[&op]))
        grow(&op);
  }

  SmallVector<KernelCluster> take() {
    SmallVector<KernelCluster> out;
    for (KernelCluster &ops : members)
      if (!ops.empty() && isMember(ops[0]) &&
          !llvm::all_of(ops, [](Operation *op) { return isa<ViewOpInterface>(op); }))
        out.push_back(std::move(ops));
    return out;
  }

private:
  static bool isMember(Operation *op) {
    return isKernelOp(op) || (isFree(op) && isa<ViewOpInterface>(op));
  }
  bool isSingle(size_t c) const {
    return members[c].size() == 1 &&
           isa<LibraryOpInterface, KernelOpInterface, LoopKernelOpInterface>(members[c][0]);
  }

  // Ops of the block that give an op, or what is inside it, their results; each once.
  SmallVector<Operation *, 2> producersOf(Operation *op) {
    llvm::SmallSetVector<Operation *, 4> out;
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (Operation *producer = operand.getDefiningOp();
            producer && producer->getBlock() == &block)
          out.insert(producer);
    });
    return SmallVector<Operation *, 2>(out.begin(), out.end());
  }

  // Clusters that give a cluster its operands through `op` or through free ops already in it,
  // nearest first.
  SmallVector<size_t> producersOf(size_t cluster, Operation *op) {
    SmallVector<size_t> out;
    for (Operation *member : members[cluster])
      if (member == op || isFree(member))
        for (Value operand : member->getOperands())
          if (Operation *producer = operand.getDefiningOp();
              producer && producer->getBlock() == &block && isMember(producer) &&
              clusterOf[producer] != cluster && !llvm::is_contained(out, clusterOf[producer]))
            out.push_back(clusterOf[producer]);
    llvm::sort(out, [&](size_t x, size_t y) {
      return position[members[x].back()] > position[members[y].back()];
    });
    return out;
  }

  void grow(Operation *op) {
    llvm::SmallDenseSet<size_t, 8> refused;
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t p : producersOf(clusterOf[op], op)) {
        if (refused.contains(p))
          continue;
        if (!canMerge(p, clusterOf[op])) {
          refused.insert(p);
          continue;
        }
        merge(p, clusterOf[op]);
        changed = true;
        break;
      }
    }
  }

  bool canMerge(size_t a, size_t b) {
    if (isSingle(a) || isSingle(b) || members[a].size() + members[b].size() > kMostOps)
      return false;
    DistAttr da = distOf(members[a][0]->getResult(0)), db = distOf(members[b][0]->getResult(0));
    if (da && db && da.getMesh() != db.getMesh())
      return false;
    KernelCluster both = joined(a, b);
    return staysCheap(both) && !keepsMore(a, b) && !hasDetour(a, b) && canFuse(both);
  }

  // Would results of `b` be there long before they are needed, and be more than what then need not
  // be kept for `b`? So it is with most of the backward pass that needs the forward pass alone:
  // functions of one value are kept in its stead.
  bool keepsMore(size_t a, size_t b) {
    if (position[members[a].back()] > position[members[b].front()])
      std::swap(a, b);
    const size_t last = position[members[a].back()], first = position[members[b].front()];
    if (first < last || others[first] == others[last])
      return false;
    auto isInside = [&](Operation *op) { return isIn(a, op) || isIn(b, op); };
    /// Of those outside: is one in front of `b`, one behind it?
    auto usedOutside = [&](Value value, bool isBehind) {
      return llvm::any_of(value.getUsers(), [&](Operation *user) {
        return !isInside(user) &&
               (position[block.findAncestorOpInBlock(*user)] > first) == isBehind;
      });
    };
    llvm::SmallSetVector<Value, 8> read;
    int64_t added = 0;
    bool isEarly = false;
    for (Operation *op : members[a])
      for (Value result : op->getResults())
        isEarly |= usedOutside(result, false);
    for (Operation *op : members[b]) {
      read.insert(op->operand_begin(), op->operand_end());
      for (Value result : op->getResults())
        if (!llvm::all_of(result.getUsers(), isInside))
          added += partOf(result);
    }
    for (Value value : read)
      if (Operation *producer = value.getDefiningOp(); producer && !isFree(producer) &&
                                                       (isIn(a, producer) || isReadBy(a, value)) &&
                                                       !usedOutside(value, true))
        added -= partOf(value);
    return isEarly && added > kLittleBytes;
  }

  bool isReadBy(size_t cluster, Value value) const {
    return llvm::any_of(value.getUsers(), [&](Operation *user) { return isIn(cluster, user); });
  }
  bool isIn(size_t cluster, Operation *op) const {
    auto at = clusterOf.find(op);
    return at != clusterOf.end() && at->second == cluster;
  }

  // Is there a path between the two that leaves both? Merging them would close a circuit. What
  // leads to an op stands before it in the block, which bounds the search.
  bool hasDetour(size_t a, size_t b) {
    size_t first = std::min(position[members[a].front()], position[members[b].front()]);
    llvm::DenseSet<size_t> seen{a, b};
    SmallVector<size_t> open;
    auto visit = [&](size_t cluster, bool start) {
      for (Operation *op : members[cluster])
        for (Operation *producer : producers[position[op]]) {
          size_t p = clusterOf[producer];
          if (!start && (p == a || p == b))
            return true;
          if (position[members[p].back()] > first && seen.insert(p).second)
            open.push_back(p);
        }
      return false;
    };
    visit(a, true);
    visit(b, true);
    while (!open.empty())
      if (visit(open.pop_back_val(), false))
        return true;
    return false;
  }

  KernelCluster joined(size_t a, size_t b) {
    KernelCluster both = members[a];
    llvm::append_range(both, members[b]);
    llvm::sort(both, [&](Operation *x, Operation *y) { return position[x] < position[y]; });
    return both;
  }

  // A value with fewer elements than its reader is computed again for each of the reader's
  // elements, unless it comes after a fold of the same kernel.
  static bool staysCheap(const KernelCluster &ops) {
    llvm::DenseSet<Operation *> inside(ops.begin(), ops.end()), afterFold;
    for (Operation *op : ops) {
      bool folded = isa<ReductionOpInterface>(op) &&
                    elementsOf(op->getResult(0)) < elementsOf(op->getOperand(0));
      for (Value operand : op->getOperands()) {
        Operation *producer = operand.getDefiningOp();
        if (!producer || !inside.contains(producer))
          continue;
        if (afterFold.contains(producer))
          folded |= elementsOf(op->getResult(0)) <= elementsOf(operand);
        else if (elementsOf(operand) < elementsOf(op->getResult(0)) && !isFree(producer))
          return false;
      }
      if (folded)
        afterFold.insert(op);
    }
    return true;
  }

  void merge(size_t a, size_t b) {
    members[a] = joined(a, b);
    for (Operation *op : members[b])
      clusterOf[op] = a;
    members[b].clear();
  }

  Block &block;
  SmallVector<KernelCluster> members; ///< every op of the block is in one
  llvm::DenseMap<Operation *, size_t> clusterOf, position;
  std::vector<SmallVector<Operation *, 2>> producers; ///< of every op, by its position
  std::vector<size_t> others; ///< up to each position: kernels that are one op
};

} // namespace

SmallVector<KernelCluster> kernelClusters(Block &block) { return Clusters(block).take(); }

} // namespace of
