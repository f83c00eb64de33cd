// of-mark-blocks
//
//   before   %w1 = of.parameter "w1" ...  %a = of.matmul %x, %w1  %w2 = of.parameter "w2" ...
//            %b = of.matmul %a, %w2
//   after    module attributes {of.blocks} ...
//            %w1 = ... {of.stage = 0}  %a = ... {of.stage = 0}  %w2 = ... {of.stage = 1}
//            %b = ... {of.stage = 1}
//
// Only where the search decides alone: nothing is said of stages, mesh or pins.
//
// Where forward ops may be computed again for the backward pass they get the numbers of coarser
// blocks too: `of.block`.
#include "dialects/Of/Of.h"
#include "lib/Config/Attributes.h"
#include "lib/Cost/Cluster.h"
#include "lib/Cost/ComputeCost.h"
#include "lib/Train/Blocks.h"
#include "lib/Train/Passes.h"

#include "mlir/Pass/Pass.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace of {

/// Models of so many ops may be cut anywhere.
static constexpr size_t kSmallModel = 24;
/// More values than these are never many enough cuts to be worth it.
static constexpr int64_t kMostCrossing = 4;
/// A block has at least such a part of the model.
static constexpr double kLeastPart = 1.0 / 128;
/// What no cut may leave in one piece, if values enough may cross it: of stages and of what is
/// computed again.
static constexpr double kLargestStage = 1.0 / 8, kLargestForward = 1.0 / 2;

namespace {

class BlockFinder {
public:
  explicit BlockFinder(func::FuncOp model) {
    for (Operation &op : model.getBody().front().without_terminator())
      if (op.getNumOperands())
        ops.push_back(&op);
    for (auto [i, op] : llvm::enumerate(ops))
      position[op] = i;
    weigh();
    countCrossing();
  }

  /// By position among the ops that have operands.
  std::vector<int64_t> run() {
    std::vector<int64_t> out(ops.size());
    const int64_t most = mostCrossing();
    double part = 0;
    int64_t block = 0;
    for (size_t i = 0; i < ops.size(); ++i) {
      out[i] = block;
      part += parts[i];
      if (i + 1 < ops.size() && crossing[i] <= most && part >= leastPart()) {
        ++block;
        part = 0;
      }
    }
    // What is left at the end is too little for a block of its own.
    if (part < leastPart() && block > 0)
      llvm::replace(out, block, block - 1);
    return out;
  }

  /// The same for blocks that are computed again: a block ends at the last value, before the next
  /// product, across which nothing else goes on. So it is kept by as little as can be, and what is
  /// light and stands behind a product is done again with it.
  std::vector<int64_t> runForward() {
    std::vector<int64_t> out(ops.size());
    const int64_t most = leastCrossing(kLargestForward);
    double part = 0, behind = 0;
    std::optional<size_t> cut;
    int64_t block = 0;
    for (size_t i = 0; i < ops.size(); ++i) {
      if (cut && isa<LibraryOpInterface>(ops[i])) {
        std::fill(out.begin() + static_cast<int64_t>(*cut) + 1,
                  out.begin() + static_cast<int64_t>(i), ++block);
        part = behind;
        cut.reset();
      }
      out[i] = block;
      part += parts[i];
      behind += parts[i];
      if (crossing[i] <= most && part >= kLeastPart) {
        cut = i;
        behind = 0;
      }
    }
    return out;
  }

private:
  double leastPart() const { return ops.size() <= kSmallModel ? 0 : kLeastPart; }

  static SmallVector<RankedTensorType> tensors(TypeRange types) {
    return llvm::map_to_vector(types, [](Type t) { return cast<RankedTensorType>(t); });
  }
  static double flopsOf(Operation *op) {
    return computeFlops(op, tensors(op->getOperandTypes()), tensors(op->getResultTypes()));
  }

  // The larger of an op's parts of operations and of parameters, which count at their first user.
  void weigh() {
    std::vector<double> flops, bytes;
    double allFlops = 0, allBytes = 0;
    llvm::DenseSet<Operation *> seen;
    for (Operation *op : ops) {
      flops.push_back(flopsOf(op));
      bytes.push_back(0);
      for (Value operand : op->getOperands())
        if (auto parameter = operand.getDefiningOp<ParameterOp>();
            parameter && seen.insert(parameter).second)
          bytes.back() += tensors(operand.getType())[0].getNumElements();
      allFlops += flops.back();
      allBytes += bytes.back();
    }
    for (auto [f, b] : llvm::zip(flops, bytes))
      parts.push_back(std::max(allFlops > 0 ? f / allFlops : 0, allBytes > 0 ? b / allBytes : 0));
  }

  // Results that are made up to an op and needed behind it.
  void countCrossing() {
    std::vector<int64_t> change(ops.size() + 1);
    for (auto [i, op] : llvm::enumerate(ops))
      for (Value result : op->getResults()) {
        size_t last = i;
        for (Operation *user : result.getUsers())
          if (auto at = position.find(user); at != position.end())
            last = std::max(last, at->second);
        change[i]++;
        change[last]--;
      }
    int64_t now = 0;
    for (size_t i = 0; i < ops.size(); ++i)
      crossing.push_back(now += change[i]);
  }

  int64_t mostCrossing() const {
    return ops.size() <= kSmallModel ? ops.size() : leastCrossing(kLargestStage);
  }

  // The least number that leaves no more than such a part of the model between two cuts.
  int64_t leastCrossing(double largestPart) const {
    for (int64_t most = 1; most < kMostCrossing; ++most) {
      double largest = 0, part = 0;
      for (size_t i = 0; i < ops.size(); ++i) {
        part += parts[i];
        largest = std::max(largest, part);
        if (crossing[i] <= most)
          part = 0;
      }
      if (largest <= largestPart)
        return most;
    }
    return kMostCrossing;
  }

  SmallVector<Operation *> ops;
  llvm::DenseMap<Operation *, size_t> position;
  std::vector<double> parts;
  std::vector<int64_t> crossing; ///< values that go on behind each op
};

} // namespace

// With what has no operands, which belongs to its first user.
static std::vector<int64_t> ofAllOps(func::FuncOp model, const std::vector<int64_t> &found) {
  std::vector<int64_t> out;
  llvm::DenseMap<Operation *, int64_t> block;
  size_t next = 0;
  for (Operation &op : model.getBody().front().without_terminator())
    if (op.getNumOperands())
      block[&op] = found[next++];
  for (Operation &op : model.getBody().front().without_terminator()) {
    int64_t first = found.empty() ? 0 : found.back();
    for (Operation *user : op.getUsers())
      if (auto at = block.find(user); at != block.end())
        first = std::min(first, at->second);
    out.push_back(op.getNumOperands() ? block[&op] : first);
  }
  return out;
}

std::vector<int64_t> blocksOf(func::FuncOp model) {
  return ofAllOps(model, BlockFinder(model).run());
}

std::vector<int64_t> forwardBlocksOf(func::FuncOp model) {
  return ofAllOps(model, BlockFinder(model).runForward());
}

namespace {

struct MarkBlocksPass : PassWrapper<MarkBlocksPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MarkBlocksPass)
  StringRef getArgument() const override { return "of-mark-blocks"; }
  StringRef getDescription() const override {
    return "Numbers the blocks of a model that a search may make pipeline stages of";
  }

  void runOnOperation() override {
    FailureOr<Job> job = jobOf(getOperation());
    if (failed(job))
      return signalPassFailure();
    auto models = getOperation().getOps<func::FuncOp>();
    if (!llvm::hasSingleElement(models))
      return;
    FailureOr<bool> mayRepeat = mayRecompute(*job);
    if (failed(mayRepeat))
      return signalPassFailure();
    func::FuncOp model = *models.begin();
    if (*mayRepeat)
      number(model, forwardBlockAttrName, forwardBlocksOf(model));
    if (isOpen(*job, model))
      markStages(model);
  }

  void number(func::FuncOp model, StringRef attr, const std::vector<int64_t> &blocks) {
    Builder b(&getContext());
    for (auto [op, block] : llvm::zip(model.getBody().front().without_terminator(), blocks))
      op.setAttr(attr, b.getI64IntegerAttr(block));
  }

  // Where the job says so, or the search may find it worth while: memory is limited.
  FailureOr<bool> mayRecompute(const Job &job) {
    const bool isGiven = job.parallel.recompute == "selective" ||
                         job.parallel.recompute == "full" || job.parallel.offload == "activations";
    if (!job.trains || isGiven)
      return job.trains;
    if (job.parallel.recompute == "none" && job.parallel.offload == "none")
      return false;
    if (!job.parallel.isSearched() || !getOperation()->hasAttr(clusterAttrName))
      return false;
    FailureOr<Cluster> cluster = clusterOf(getOperation());
    if (failed(cluster))
      return failure();
    return llvm::any_of(cluster->devices,
                        [](const ClusterDevice &device) { return device.memoryBytes > 0; });
  }

  void markStages(func::FuncOp model) {
    std::vector<int64_t> blocks = blocksOf(model);
    if (blocks.empty() || *llvm::max_element(blocks) == 0)
      return;
    number(model, OfDialect::stageAttrName, blocks);
    getOperation()->setAttr(blocksAttrName, UnitAttr::get(&getContext()));
  }

  static bool isOpen(const Job &job, func::FuncOp model) {
    if (job.parallel.strategy != "auto" || !job.parallel.mesh.empty() ||
        !job.parallel.stages.empty())
      return false;
    for (unsigned i = 0; i < model.getNumArguments(); ++i)
      if (model.getArgAttr(i, OfDialect::pinAttrName))
        return false;
    return !model
                .walk([](Operation *op) {
                  return op->hasAttr(OfDialect::stageAttrName) ||
                                 op->hasAttr(OfDialect::pinAttrName)
                             ? WalkResult::interrupt()
                             : WalkResult::advance();
                })
                .wasInterrupted();
  }
};

} // namespace

std::unique_ptr<Pass> createMarkBlocksPass() { return std::make_unique<MarkBlocksPass>(); }

} // namespace of
