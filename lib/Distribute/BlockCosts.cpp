#include "lib/Distribute/BlockCosts.h"

#include "lib/Distribute/ChoiceSeconds.h"
#include "lib/Distribute/Fold.h"
#include "lib/Distribute/SearchProblem.h"
#include "lib/Train/Blocks.h"

#include "mlir/IR/Threading.h"

#include <map>

using namespace mlir;

namespace of {

using search::BlockCost;

/// More devices than these have at most two shapes.
static constexpr int64_t kFewDevices = 16;

/// Of one block; what is this near to the bound is good enough for an estimate.
static constexpr uint64_t kWork = 20'000'000;
static constexpr double kNear = 0.01;

/// Prices of a byte, in parts of what makes all bytes of a block as dear as its time.
static constexpr double kPrices[] = {0.125, 1, 8};

// ---- One block

/// A block on one mesh. `turn` is a position of the program.
class BlockCosts::Block {
public:
  Block(DistNetwork network, const RecomputeGroups &groups, int64_t microBatches)
      : network(std::move(network)), problem(this->network), edges(this->network), groups(groups),
        microBatches(microBatches) {}

  /// Values live across the turn; in the last block across the time at which most is alive.
  void setTurn(const llvm::DenseMap<Operation *, int64_t> &position, int64_t turn, bool isLast) {
    turnNode = network.nodes().size();
    for (size_t n = network.nodes().size(); n-- > 0;)
      if (position.lookup(network.nodes()[n].op) >= turn)
        turnNode = n;
    if (isLast)
      turnNode = fullest();
  }

  /// With a price in seconds on each byte; infinite if there is no choice. At a level its values
  /// are computed again for the backward pass.
  BlockCost solve(double price, Recompute level) const {
    search::CostNetwork costs = problem.costs();
    if (price > 0)
      for (size_t n = 0; n < network.nodes().size(); ++n)
        for (auto [o, option] : llvm::enumerate(network.nodes()[n].options))
          costs.nodes[problem.nodeOf(n)].costs[o] += price * keptBytes(n, option, level);
    search::SolveBudget budget;
    budget.work = kWork;
    budget.gap = kNear;
    Result<search::CostSolution> solution = search::solve(costs, budget);
    BlockCost out;
    out.microSeconds = std::numeric_limits<double>::infinity();
    if (!solution.isOk() || !solution->feasible())
      return out;
    return costOf(problem.choiceOf(solution->choice), level);
  }

private:
  int64_t lastUse(size_t n, unsigned r) const {
    int64_t last = n;
    for (const DistUse &use : edges.users(n, r))
      last = std::max<int64_t>(last, use.node);
    return last;
  }

  // The node at which the most bytes are alive, were everything whole.
  size_t fullest() const {
    std::vector<int64_t> change(network.nodes().size() + 1);
    for (size_t n = 0; n < network.nodes().size(); ++n)
      for (unsigned r = 0; r < network.nodes()[n].results.size(); ++r) {
        Value v = network.nodes()[n].results[r];
        if (!isa<MicroOp>(v.getDefiningOp()->getParentOp()))
          continue;
        const int64_t bytes = tensorBytes(cast<RankedTensorType>(v.getType()));
        change[n] += bytes;
        change[lastUse(n, r)] -= bytes;
      }
    size_t best = 0;
    int64_t now = 0, most = 0;
    for (size_t n = 0; n < network.nodes().size(); ++n)
      if ((now += change[n]) > most) {
        most = now;
        best = n + 1;
      }
    return best;
  }

  // What an arrival keeps is counted where it was made.
  bool isActive(size_t n, unsigned r) const {
    const DistNode &node = network.nodes()[n];
    bool isArrival = node.operands.empty() && node.variable.empty() && !isa<ReadOp>(node.op);
    return !isArrival && node.variable.empty() && !isa<YieldOp>(node.op) &&
           isa<MicroOp>(node.op->getParentOp()) && n < turnNode &&
           lastUse(n, r) >= static_cast<int64_t>(turnNode);
  }

  int64_t fixedBytes(const DistNode &node, const DistOption &option) const {
    if (!node.variable.empty())
      return variableBytes(node, option);
    return isa<YieldOp>(node.op)
               ? partBytes(node.results[0].getType(), distAttr(node.mesh, option.made[0]))
               : 0;
  }

  int64_t activeBytes(size_t n, const DistOption &option, Recompute level) const {
    const DistNode &node = network.nodes()[n];
    int64_t bytes = 0;
    for (unsigned r = 0; r < node.results.size(); ++r)
      if (isActive(n, r) && !groups.isDropped(node.results[r], level))
        bytes += partBytes(node.results[r].getType(), distAttr(node.mesh, option.made[r]));
    return bytes;
  }

  double keptBytes(size_t n, const DistOption &option, Recompute level) const {
    return static_cast<double>(fixedBytes(network.nodes()[n], option) +
                               activeBytes(n, option, level));
  }

  BlockCost costOf(const DistChoice &choice, Recompute level) const {
    BlockCost out;
    llvm::DenseSet<Operation *> again;
    for (size_t g = 0; g < groups.groups().size(); ++g)
      again.insert(groups.again(g, level).begin(), groups.again(g, level).end());
    for (auto &[mesh, seconds] : secondsByMesh(network, choice, {}, microBatches)) {
      out.microSeconds += seconds.micro;
      out.stepSeconds += seconds.step;
    }
    for (size_t n = 0; n < network.nodes().size(); ++n) {
      const DistNode &node = network.nodes()[n];
      const DistOption &option = node.options[choice[n]];
      out.fixedBytes += fixedBytes(node, option);
      out.activeBytes += activeBytes(n, option, level);
      if (again.contains(node.op) && !node.results.empty() && !node.operands.empty())
        out.microSeconds += node.times * option.seconds / static_cast<double>(microBatches);
      for (unsigned r = 0; r < node.results.size() && node.variable.empty(); ++r)
        out.extraBytes = std::max(out.extraBytes, partBytes(node.results[r].getType(),
                                                            distAttr(node.mesh, option.made[r])));
    }
    return out;
  }

  DistNetwork network;
  SearchProblem problem;
  DistEdges edges;
  const RecomputeGroups &groups;
  int64_t microBatches;
  size_t turnNode = 0;
};

// ---- Blocks that are alike

namespace {

/// What tells the ops of two blocks apart, in program order.
class BlockKey {
public:
  void add(Operation *op) {
    key.push_back(op->getName().getAsOpaquePointer());
    number(isa<MicroOp>(op->getParentOp()));
    for (NamedAttribute attr : op->getAttrs()) {
      // Where it is and what variables are called does not count, which of them it is does.
      if (attr.getName() == OfDialect::stageAttrName || attr.getName() == placementAttrName ||
          attr.getName() == forwardBlockAttrName)
        continue;
      if (auto symbol = dyn_cast<FlatSymbolRefAttr>(attr.getValue())) {
        number(symbols.try_emplace(symbol, symbols.size()).first->second);
        continue;
      }
      key.push_back(attr.getName().getAsOpaquePointer());
      key.push_back(attr.getValue().getAsOpaquePointer());
    }
    for (Value operand : op->getOperands()) {
      key.push_back(operand.getType().getAsOpaquePointer());
      auto known = values.find(operand);
      number(known == values.end() ? -1 : known->second);
    }
    for (Value result : op->getResults()) {
      key.push_back(result.getType().getAsOpaquePointer());
      values.try_emplace(result, values.size());
    }
  }
  // A yield has values of all blocks.
  void addYielded(Value v) {
    auto known = values.find(v);
    if (known != values.end())
      number(known->second);
  }

  std::vector<const void *> key;

private:
  void number(int64_t n) { key.push_back(reinterpret_cast<const void *>(n)); }
  llvm::DenseMap<Value, int64_t> values;
  llvm::DenseMap<Attribute, int64_t> symbols;
};

} // namespace

void BlockCosts::findClasses() {
  std::vector<BlockKey> keys(ops.size());
  llvm::DenseMap<Operation *, size_t> blockOf;
  for (auto [b, block] : llvm::enumerate(ops))
    for (Operation *op : block)
      blockOf[op] = b;
  program.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    position[op] = position.size();
    if (auto found = dyn_cast<MicroOp>(op))
      microCount = found.getCount();
    if (auto yield = dyn_cast<YieldOp>(op)) {
      for (Value v : yield.getValues())
        if (auto at = blockOf.find(v.getDefiningOp()); at != blockOf.end())
          keys[at->second].addYielded(v);
      return;
    }
    auto at = blockOf.find(op);
    if (at == blockOf.end())
      return;
    keys[at->second].add(op);
    if (at->second + 1 == ops.size() && turn == 0 && isa<MicroOp>(op->getParentOp()) &&
        op->getNumOperands())
      turn = position[op];
  });
  std::map<std::vector<const void *>, size_t> known; // looked up only, never walked
  for (size_t b = 0; b < ops.size(); ++b) {
    // The last block's values wait for nothing.
    keys[b].key.push_back(reinterpret_cast<const void *>(intptr_t(b + 1 == ops.size())));
    const auto [at, isNew] = known.try_emplace(keys[b].key, firstOf.size());
    if (isNew)
      firstOf.push_back(b);
    classOf.push_back(at->second);
  }
}

// ---- All blocks

// Of many devices: rows that are whole on all are one axis' matter. Devices of a node are alike, so
// of two axes within it the outer one splits rows and the inner one something else, which every
// grid has in both sizes; grids of whole nodes and their devices only.
static bool isWorthPricing(const MeshShape &shape, ArrayRef<bool> cutAxes, bool isWithinNode) {
  if (shape.size() < 2)
    return true;
  if (shape[0].first == "node")
    return llvm::is_contained(cutAxes, true);
  return isWithinNode && cutAxes[0] && !cutAxes[1];
}

BlockCosts::BlockCosts(ModuleOp module, ProgramOp program, const BlockOps &ops,
                       const Cluster &cluster, BoxingPlanner &planner)
    : module(module), program(program), ops(ops), cluster(cluster), planner(planner),
      groups(program) {
  findClasses();
}

// Every axis of several devices may split rows or not.
static std::vector<SmallVector<bool>> axisChoices(const MeshShape &shape) {
  std::vector<SmallVector<bool>> out{{}};
  for (auto &[axis, size] : shape) {
    std::vector<SmallVector<bool>> longer;
    for (const SmallVector<bool> &prefix : out)
      for (bool splits : {true, false}) {
        if (size == 1 && splits)
          continue;
        longer.push_back(prefix);
        longer.back().push_back(splits);
      }
    out = std::move(longer);
  }
  return out;
}

/// All blocks on one mesh, of those that are alike the first.
struct BlockCosts::MeshBlocks {
  MeshShape shape;
  MeshAttr mesh;
  SmallVector<bool> cutAxes;
  llvm::StringMap<SmallVector<NdSbp>> choices; ///< of variables
  std::vector<std::unique_ptr<Block>> blocks;  ///< by class
  std::vector<BlockCost> fastest;              ///< by class
};

/// Of a byte, in seconds: part of what makes all bytes of the block as dear as its time.
double BlockCosts::priceOf(double part, const BlockCost &fastest) const {
  const double bytes = fastest.fixedBytes + fastest.activeBytes;
  const double seconds =
      fastest.microSeconds * static_cast<double>(microBatches()) + fastest.stepSeconds;
  return part > 0 && bytes > 0 ? part * seconds / bytes : 0;
}

// By block, of what it costs by class.
std::vector<BlockCost> BlockCosts::ofAll(ArrayRef<BlockCost> costs) const {
  std::vector<BlockCost> out;
  for (size_t c : classOf)
    out.push_back(costs[c]);
  return out;
}

// Meshes and classes do not know of each other, so all are priced at once.
FailureOr<BlockTable> BlockCosts::on(int64_t first, int64_t count,
                                     std::optional<int64_t> memoryBytes) {
  std::deque<MeshBlocks> all = meshesOn(first, count);
  const size_t classes = firstOf.size();
  llvm::StringMap<DistAttr> none;
  auto build = [&](size_t i) -> LogicalResult {
    MeshBlocks &on = all[i / classes];
    const size_t block = firstOf[i % classes];
    DistBoundary boundary{none, false, true, &on.choices, &ops[block], on.mesh, on.cutAxes};
    FailureOr<DistNetwork> network = DistNetwork::build(program, boundary, cluster, planner);
    if (failed(network))
      return failure();
    auto made = std::make_unique<Block>(std::move(*network), groups, microBatches());
    made->setTurn(position, turn, block + 1 == ops.size());
    on.fastest[i % classes] = made->solve(0, levels.front());
    on.blocks[i % classes] = std::move(made);
    return success();
  };
  MLIRContext *context = module.getContext();
  if (failed(failableParallelForEachN(context, 0, all.size() * classes, build)))
    return failure();
  BlockTable out;
  for (MeshBlocks &on : all) {
    std::vector<std::pair<double, Recompute>> ways;
    out.shapes.push_back(on.shape);
    out.costs.push_back(ofAll(on.fastest));
    if (!memoryBytes || !mayBeShort(out.costs.back(), on.mesh, *memoryBytes))
      continue;
    for (Recompute level : levels)
      for (double price : kPrices)
        ways.push_back({price, level});
    std::vector<std::vector<BlockCost>> costs(ways.size(), std::vector<BlockCost>(classes));
    parallelFor(context, 0, ways.size() * classes, [&](size_t i) {
      const auto [price, level] = ways[i / classes];
      const size_t c = i % classes;
      costs[i / classes][c] = on.blocks[c]->solve(priceOf(price, on.fastest[c]), level);
    });
    for (const std::vector<BlockCost> &way : costs) {
      out.shapes.push_back(on.shape);
      out.costs.push_back(ofAll(way));
    }
  }
  return out;
}

std::deque<BlockCosts::MeshBlocks> BlockCosts::meshesOn(int64_t first, int64_t count) {
  const bool isWithinNode = cluster.devices[first].node == cluster.devices[first + count - 1].node;
  const bool areFew = static_cast<int64_t>(cluster.devices.size()) <= kFewDevices;
  std::deque<MeshBlocks> out;
  for (const MeshShape &shape : meshShapes(cluster, count))
    for (const SmallVector<bool> &cutAxes : axisChoices(shape)) {
      if (!areFew && !isWorthPricing(shape, cutAxes, isWithinNode))
        continue;
      MeshAttr mesh = meshOn(module.getContext(), "stage", shape, first);
      out.push_back({shape, mesh, cutAxes, variableChoices(module, mesh), {}, {}});
      out.back().blocks.resize(firstOf.size());
      out.back().fastest.resize(firstOf.size());
    }
  return out;
}

// Were the blocks dealt evenly to stages of so many devices.
bool BlockCosts::mayBeShort(const std::vector<BlockCost> &fastest, MeshAttr mesh,
                            int64_t memoryBytes) const {
  const double stages = static_cast<double>(cluster.devices.size()) / mesh.numDevices();
  const double underWay = std::min(static_cast<double>(microBatches()), stages);
  double bytes = 0;
  for (const BlockCost &cost : fastest)
    bytes += cost.fixedBytes + underWay * cost.activeBytes;
  return 2 * bytes / stages > memoryBytes;
}

} // namespace of
