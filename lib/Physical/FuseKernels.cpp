// of-fuse-kernels
//
//   before   %z = of.matmul %x, %w   %a = of.add %z, %b   %h = of.relu %a
//   after    %z = task.kernel "z" (%x, %w) { of.matmul }   %h = task.kernel "h" (%z, %b) { of.add,
//            of.relu }
//
// Ops that cost nothing (constants, indices, views that fuse) are first cloned for each user, so
// that none of them is stored.
#include "dialects/Of/Build.h"
#include "dialects/Task/Task.h"
#include "lib/Physical/KernelClusters.h"
#include "lib/Physical/Passes.h"
#include "lib/Physical/RepeatCheapOps.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/PriorityQueue.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace of {

// The second operand of of.expand only says a shape; a constant says it as well and needs nothing.
static void freeExpands(Block &block) {
  for (Operation &op : block)
    if (auto expand = dyn_cast<ExpandOp>(op)) {
      OpBuilder b(expand);
      expand.getLikeMutable().assign(
          ConstantOp::create(b, expand.getLoc(), expand.getLike().getType(), 0));
    }
}

// Every free op has one user at most, in the same block.
static void cloneFreeOps(Block &block) {
  SmallVector<Operation *> ops;
  for (Operation &op : block)
    ops.push_back(&op);
  for (Operation *op : llvm::reverse(ops)) {
    if (!isFree(op))
      continue;
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : op->getUses())
      uses.push_back(&use);
    // Uses come newest first; keep program order for the clones.
    for (OpOperand *use : llvm::reverse(uses)) {
      Operation *user = use->getOwner();
      // What has no kernel as user keeps its value.
      bool inner = user->getBlock() != &block;
      if (!isKernelOp(user) && !isFree(user) && !inner)
        continue;
      if (inner && (isa<ViewOpInterface>(op) || !(isKernelOp(user) || isFree(user))))
        continue; // a value of the step that a micro-batch views is held as it is
      OpBuilder b(user);
      use->set(b.clone(*op)->getResult(0));
    }
    if (op->use_empty())
      op->erase();
  }
}

namespace {

/// Rewrites the clusters of one block.
class BlockFuser {
public:
  BlockFuser(Block &block, int64_t &next) : block(block), next(next) {}

  void run() {
    freeExpands(block);
    for (Operation &op : block)
      if (isa<MicroOp>(op))
        freeExpands(op.getRegion(0).front());
    cloneFreeOps(block);
    clusters = kernelClusters(block);
    repeatCheapOps(clusters);
    for (auto [i, ops] : llvm::enumerate(clusters))
      for (Operation *op : ops)
        clusterOf[op] = i;
    order();
    for (bool again = true; again;) // what only a dead cluster needs is dead too
      again = llvm::count_if(clusters, eraseDead) > 0;
    for (KernelCluster &ops : clusters)
      if (!ops.empty())
        build(ops);
  }

private:
  // Moves ops so that each cluster is contiguous: Kahn's algorithm over clusters and single ops,
  // the smallest last position first; but new values of variables as soon as they can be
  // computed and no one needs the old ones, so that gradients do not all wait for the end.
  void order() {
    SmallVector<SmallVector<Operation *>> units;
    llvm::DenseMap<Operation *, size_t> unitOf;
    SmallVector<size_t> clusterUnit(clusters.size(), SIZE_MAX);
    for (Operation &op : block.without_terminator()) {
      auto it = clusterOf.find(&op);
      size_t unit = it == clusterOf.end() ? SIZE_MAX : clusterUnit[it->second];
      if (unit == SIZE_MAX) {
        unit = units.size();
        units.emplace_back();
        if (it != clusterOf.end())
          clusterUnit[it->second] = unit;
      }
      units[unit].push_back(&op);
      unitOf[&op] = unit;
    }
    Operation *terminator = block.mightHaveTerminator() ? block.getTerminator() : nullptr;
    if (terminator && unitOf.contains(terminator))
      terminator = nullptr; // a program's block ends in an ordinary op
    if (terminator == nullptr && !block.empty() && !unitOf.contains(&block.back())) {
      unitOf[&block.back()] = units.size();
      units.push_back({&block.back()});
    }
    placeInOrder(units, unitOf, terminator);
  }

  /// Units that only compute new values of variables, from what is on the device: what others send
  /// is for a segment of its own.
  struct Updates {
    llvm::BitVector isUpdate;
    SmallVector<size_t> readers;            ///< of each: other units that read an old value
    SmallVector<SmallVector<size_t>> after; ///< of each unit: the updates that it is a reader of
  };

  Updates updatesOf(ArrayRef<SmallVector<Operation *>> units,
                    const llvm::DenseMap<Operation *, size_t> &unitOf) {
    Updates out{llvm::BitVector(units.size()), SmallVector<size_t>(units.size(), 0),
                SmallVector<SmallVector<size_t>>(units.size())};
    llvm::StringMap<llvm::SmallSetVector<size_t, 4>> readers;
    for (auto get : block.getOps<GetOp>())
      addReaders(get.getResult(), unitOf, readers[get.getVariable()]);
    for (auto [u, ops] : llvm::enumerate(units)) {
      llvm::SmallSetVector<size_t, 4> old;
      if (!onlySets(ops, readers, old) || llvm::any_of(ops, readsExchange))
        continue;
      out.isUpdate.set(u);
      for (size_t reader : old)
        if (reader != u) {
          ++out.readers[u];
          out.after[reader].push_back(u);
        }
    }
    return out;
  }

  // Units that read a value, or a view of it.
  void addReaders(Value value, const llvm::DenseMap<Operation *, size_t> &unitOf,
                  llvm::SmallSetVector<size_t, 4> &readers) {
    for (Operation *user : value.getUsers()) {
      if (Operation *outer = block.findAncestorOpInBlock(*user))
        if (auto it = unitOf.find(outer); it != unitOf.end())
          readers.insert(it->second);
      if (isa<ViewOpInterface>(user))
        addReaders(user->getResult(0), unitOf, readers);
    }
  }

  static bool readsExchange(Operation *op) {
    return llvm::any_of(op->getOperands(), [](Value operand) {
      Operation *producer = operand.getDefiningOp();
      return producer &&
             (isa<BoxingOp>(producer) ||
              (isa<ViewOpInterface, task::AfterOp>(producer) && readsExchange(producer)));
    });
  }

  // Is what others use of these ops set, and nothing else? Then also who reads those variables.
  static bool onlySets(ArrayRef<Operation *> ops,
                       const llvm::StringMap<llvm::SmallSetVector<size_t, 4>> &readers,
                       llvm::SmallSetVector<size_t, 4> &old) {
    llvm::SmallPtrSet<Operation *, 8> inside(ops.begin(), ops.end());
    bool any = false;
    for (Operation *op : ops)
      for (Operation *user : op->getUsers()) {
        if (inside.contains(user))
          continue;
        auto set = dyn_cast<SetOp>(user);
        if (!set)
          return false;
        any = true;
        if (auto known = readers.find(set.getVariable()); known != readers.end())
          old.insert(known->second.begin(), known->second.end());
      }
    return any;
  }

  void placeInOrder(ArrayRef<SmallVector<Operation *>> units,
                    llvm::DenseMap<Operation *, size_t> &unitOf, Operation *terminator) {
    SmallVector<llvm::SmallSetVector<size_t, 4>> users(units.size());
    SmallVector<unsigned> open(units.size(), 0);
    llvm::DenseMap<Operation *, size_t> position;
    for (Operation &op : block)
      position[&op] = position.size();
    auto last = [&](size_t u) { return position[units[u].back()]; };
    for (auto [u, ops] : llvm::enumerate(units))
      for (Operation *op : ops)
        op->walk([&](Operation *inner) {
          for (Value operand : inner->getOperands())
            if (Operation *producer = operand.getDefiningOp())
              if (auto it = unitOf.find(producer);
                  it != unitOf.end() && it->second != u && users[it->second].insert(u))
                ++open[u];
        });
    Updates updates = updatesOf(units, unitOf);
    using Entry = std::pair<size_t, size_t>; // last position, or 0 of an update; unit
    llvm::PriorityQueue<Entry, std::vector<Entry>, std::greater<Entry>> ready;
    auto offer = [&](size_t u) {
      if (open[u] == 0)
        ready.push({updates.isUpdate[u] && updates.readers[u] == 0 ? 0 : last(u), u});
    };
    for (size_t u = 0; u < units.size(); ++u)
      offer(u);
    SmallVector<Operation *> sorted;
    llvm::BitVector placed(units.size());
    while (!ready.empty()) {
      size_t u = ready.top().second;
      ready.pop();
      if (placed[u])
        continue; // offered twice
      placed.set(u);
      llvm::append_range(sorted, units[u]);
      for (size_t user : users[u])
        if (--open[user] == 0)
          offer(user);
      for (size_t update : updates.after[u])
        if (--updates.readers[update] == 0)
          offer(update);
    }
    for (Operation *op : sorted)
      terminator ? op->moveBefore(terminator) : op->moveBefore(&block, block.end());
  }

  // Erases the ops of a cluster that nobody needs.
  static bool eraseDead(KernelCluster &ops) {
    llvm::DenseSet<Operation *> inside(ops.begin(), ops.end());
    for (Operation *op : ops)
      if (llvm::any_of(op->getUsers(), [&](Operation *u) { return !inside.contains(u); }))
        return false;
    for (Operation *op : llvm::reverse(ops))
      op->erase();
    return !std::exchange(ops, {}).empty();
  }

  void build(const KernelCluster &ops) {
    llvm::DenseSet<Operation *> inside(ops.begin(), ops.end());
    llvm::SetVector<Value> inputs;
    SmallVector<Value> results;
    for (Operation *op : ops) {
      for (Value operand : op->getOperands())
        if (!operand.getDefiningOp() || !inside.contains(operand.getDefiningOp()))
          inputs.insert(operand);
      for (Value result : op->getResults())
        if (llvm::any_of(result.getUsers(), [&](Operation *u) { return !inside.contains(u); }) ||
            (ops.size() == 1 && op->getNumResults() > 0 && result.use_empty()))
          results.push_back(result);
    }
    OpBuilder b(ops.back());
    b.setInsertionPointAfter(ops.back());
    SmallVector<Type> types = llvm::map_to_vector(results, [](Value v) { return v.getType(); });
    Location loc = results.back().getLoc();
    std::string name = (nameOf(loc, ops.back()) + "#" + Twine(next++)).str();
    SmallVector<int64_t> apart(results.size(), -1);
    auto kernel = task::KernelOp::create(b, loc, types, b.getStringAttr(name), inputs.getArrayRef(),
                                         b.getDenseI64ArrayAttr(apart));
    Block &body = kernel.getBody().emplaceBlock();
    IRMapping map;
    for (Value input : inputs)
      map.map(input, body.addArgument(input.getType(), input.getLoc()));
    OpBuilder inner = OpBuilder::atBlockEnd(&body);
    for (Operation *op : ops)
      inner.clone(*op, map);
    task::ReturnOp::create(inner, loc,
                           llvm::map_to_vector(results, [&](Value v) { return map.lookup(v); }));
    for (auto [value, result] : llvm::zip(results, kernel.getResults()))
      value.replaceAllUsesWith(result);
    for (Operation *op : llvm::reverse(ops))
      op->erase();
  }

  static std::string nameOf(Location loc, Operation *op) {
    if (auto name = dyn_cast<NameLoc>(loc))
      return name.getName().str();
    return op->getName().stripDialect().str();
  }

  Block &block;
  int64_t &next;
  SmallVector<KernelCluster> clusters;
  llvm::DenseMap<Operation *, size_t> clusterOf;
};

struct FuseKernelsPass : PassWrapper<FuseKernelsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FuseKernelsPass)
  StringRef getArgument() const override { return "of-fuse-kernels"; }
  StringRef getDescription() const override {
    return "Puts every computing op into a kernel, fused where that saves memory traffic";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<task::TaskDialect>();
  }
  void runOnOperation() override {
    for (auto program : getOperation().getOps<ProgramOp>()) {
      int64_t next = 0;
      Block &body = program.getBody().front();
      BlockFuser(body, next).run();
      for (auto micro : llvm::to_vector(body.getOps<MicroOp>()))
        BlockFuser(micro.getBody().front(), next).run();
      if (failed(check(program)))
        return signalPassFailure();
    }
  }
  static LogicalResult check(ProgramOp program) {
    WalkResult result = program.walk<WalkOrder::PreOrder>([](Operation *op) {
      if (isa<task::KernelOp>(op))
        return WalkResult::skip();
      // What only computes, and neither moves nor renames a value.
      if (isMemoryEffectFree(op) && op->getNumResults() > 0 &&
          !isa<BoxingOp, ViewOpInterface, task::AfterOp>(op)) {
        op->emitOpError("has no kernel: it is neither fusable nor done by a library nor brings its "
                        "own code");
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }
};

} // namespace

std::unique_ptr<Pass> createFuseKernelsPass() { return std::make_unique<FuseKernelsPass>(); }

} // namespace of
