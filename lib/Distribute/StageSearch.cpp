#include "lib/Distribute/StageSearch.h"

#include "lib/Cost/ComputeCost.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/SetVector.h"

#include <numeric>

using namespace mlir;

namespace of {

using search::StageMesh;
using search::StageProblem;

/// Up to so many devices a stage may have any part of them that divides them; stages of different
/// size can follow one another. Of more all stages have equally many.
static constexpr int64_t kFewDevices = 16;

/// Programs of so few ops are cut in all ways if these are no more.
static constexpr size_t kSmallProgram = 40, kMostPlans = 100;

/// Pipelines are no longer.
static constexpr int64_t kMostStages = 64;

static constexpr StringLiteral kStage = OfDialect::stageAttrName;

// ---- Blocks

static int64_t numberOf(Operation *op) {
  auto number = op->getAttrOfType<IntegerAttr>(kStage);
  return number ? number.getInt() : 0;
}

StageSearch::StageSearch(ModuleOp module, ProgramOp train, const Cluster &cluster,
                         BoxingPlanner &planner, const RecomputeLevels &levels)
    : module(module), train(train), cluster(cluster), planner(planner) {
  findBlocks();
  findCuts();
  costs.emplace(module, train, trainOps, cluster, planner);
  costs->setLevels(levels);
}

void StageSearch::findBlocks() {
  llvm::StringMap<int64_t> variables;
  for (VariableOp variable : module.getOps<VariableOp>())
    blockOf[variable] = variables[variable.getSymName()] = numberOf(variable);
  for (ProgramOp program : module.getOps<ProgramOp>()) {
    StageAnalysis blocks(program, variables);
    program.getBody().walk([&](Operation *op) {
      if (isa<MicroOp, YieldOp>(op))
        return;
      int64_t block = blockOf[op] = blocks.stageOf(op);
      if (program != train)
        return;
      if (static_cast<int64_t>(trainOps.size()) <= block)
        trainOps.resize(block + 1);
      trainOps[block].insert(op);
    });
  }
}

// Values of a micro-batch that some later or earlier block needs, at every cut in between.
void StageSearch::findCuts() {
  cuts.resize(trainOps.size());
  train.getBody().walk([&](Operation *op) {
    if (isa<YieldOp, MicroOp>(op) || !isa<MicroOp>(op->getParentOp()))
      return;
    if (op->getNumOperands() == 0 && !isa<ReadOp>(op))
      return; // is made where it is needed
    int64_t made = blockOf.lookup(op);
    for (Value result : op->getResults()) {
      int64_t least = made, most = made;
      for (Operation *user : result.getUsers())
        if (!isa<YieldOp>(user)) {
          least = std::min(least, blockOf.lookup(user));
          most = std::max(most, blockOf.lookup(user));
        }
      for (int64_t cut = made + 1; cut <= most; ++cut)
        cuts[cut].forward.push_back(result);
      for (int64_t cut = least + 1; cut <= made; ++cut)
        cuts[cut].backward.push_back(result);
    }
  });
}

std::string StageSearch::nameOf(int64_t block) {
  std::string name;
  train.getBody().walk([&](Operation *op) {
    auto at = blockOf.find(op);
    auto loc = dyn_cast<NameLoc>(op->getLoc());
    if (at == blockOf.end() || at->second != block || !loc || op->getNumOperands() == 0 ||
        !isa<MicroOp>(op->getParentOp()))
      return WalkResult::advance();
    name = loc.getName().str();
    return WalkResult::interrupt();
  });
  return name;
}

// ---- Devices

// Of devices that follow one another.
StageSearch::Signature StageSearch::signatureOf(int64_t first, int64_t count) const {
  std::vector<int64_t> devices(count);
  std::iota(devices.begin(), devices.end(), first);
  return cluster.signatureOf(devices);
}

bool StageSearch::isUniform() const {
  std::vector<int64_t> counts(cluster.nodes.size());
  for (auto [d, device] : llvm::enumerate(cluster.devices)) {
    counts[device.node]++;
    if (!cluster.areAlike(d, 0))
      return false;
  }
  return llvm::all_equal(counts);
}

std::vector<std::pair<int64_t, int64_t>> StageSearch::groups() const {
  const int64_t devices = cluster.devices.size();
  std::vector<std::pair<int64_t, int64_t>> out;
  if (!isUniform() && devices <= kFewDevices) {
    for (int64_t first = 0; first < devices; ++first)
      for (int64_t count = 1; first + count <= devices; ++count)
        out.push_back({first, count});
    return out;
  }
  const int64_t nodes = cluster.nodes.size(), perNode = std::max<int64_t>(devices / nodes, 1);
  for (int64_t count = 1; count <= devices; ++count) {
    const bool isPart = perNode % count == 0;
    const bool areNodes = count % perNode == 0 && devices % count == 0;
    if ((isPart || areNodes) && devices / count <= kMostStages)
      for (int64_t first = 0; first + count <= devices; first += count)
        out.push_back({first, count});
  }
  return out;
}

// Of the groups of so many devices, or all.
LogicalResult StageSearch::addTables(std::optional<int64_t> only) {
  for (auto [first, count] : groups()) {
    if (only && count != *only)
      continue;
    std::vector<int64_t> devices(count);
    std::iota(devices.begin(), devices.end(), first);
    std::optional<int64_t> memory = cluster.leastMemory(devices);
    auto [at, isNew] = tableOf.try_emplace(signatureOf(first, count), tables.size());
    if (isNew) {
      const auto before = known.find({first, count});
      FailureOr<BlockTable> table =
          before == known.end() ? costs->on(first, count, memory) : before->second;
      if (failed(table))
        return failure();
      tables.push_back(std::move(*table));
      tableDevices.push_back({first, count});
    }
    meshes.push_back({first, count, memory, at->second});
  }
  return success();
}

// ---- Tables as an attribute

static constexpr size_t kNumbers = 5; ///< of a BlockCost

ArrayAttr StageSearch::knownTables() {
  Builder b(module.getContext());
  SmallVector<Attribute> out;
  for (auto [devices, table] : llvm::zip(tableDevices, tables)) {
    SmallVector<Attribute> shapes;
    std::vector<double> costs;
    for (auto [shape, way] : llvm::zip(table.shapes, table.costs)) {
      SmallVector<Attribute> axes;
      for (auto &[axis, size] : shape)
        axes.push_back(b.getArrayAttr({b.getStringAttr(axis), b.getI64IntegerAttr(size)}));
      shapes.push_back(b.getArrayAttr(axes));
      for (const search::BlockCost &cost : way)
        costs.insert(costs.end(), {cost.microSeconds, cost.stepSeconds, double(cost.fixedBytes),
                                   double(cost.activeBytes), double(cost.extraBytes)});
    }
    out.push_back(b.getArrayAttr({b.getDenseI64ArrayAttr({devices.first, devices.second}),
                                  b.getArrayAttr(shapes), b.getDenseF64ArrayAttr(costs)}));
  }
  return b.getArrayAttr(out);
}

void StageSearch::setKnownTables(ArrayAttr tables) {
  if (!tables)
    return;
  for (auto entry : tables.getAsRange<ArrayAttr>()) {
    auto devices = cast<DenseI64ArrayAttr>(entry[0]);
    BlockTable &table = known[{devices[0], devices[1]}];
    const double *number = cast<DenseF64ArrayAttr>(entry[2]).asArrayRef().data();
    for (auto axes : cast<ArrayAttr>(entry[1]).getAsRange<ArrayAttr>()) {
      MeshShape &shape = table.shapes.emplace_back();
      for (auto axis : axes.getAsRange<ArrayAttr>())
        shape.push_back({cast<StringAttr>(axis[0]).str(), cast<IntegerAttr>(axis[1]).getInt()});
      std::vector<search::BlockCost> &way = table.costs.emplace_back();
      for (int64_t block = 0; block < numBlocks(); ++block, number += kNumbers)
        way.push_back(
            {number[0], number[1], int64_t(number[2]), int64_t(number[3]), int64_t(number[4])});
    }
  }
}

// ---- Cuts

// Rows of the batch go from device to device where they can, else the whole value to all.
const search::Crossing &StageSearch::crossingOf(const StageMesh &from, const StageMesh &to) {
  Signature pair = signatureOf(from.first, from.count + to.count);
  search::Crossing &known = crossings[{pair, from.count}];
  if (!known.forward.empty())
    return known;
  MeshAttr a = meshOn(module.getContext(), "from", {{"data", from.count}}, from.first);
  MeshAttr b = meshOn(module.getContext(), "to", {{"data", to.count}}, to.first);
  llvm::DenseMap<std::pair<Type, unsigned>, double> byType;
  auto lying = [](RankedTensorType type, MeshAttr mesh) {
    bool hasRows = type.getRank() && type.getDimSize(0) >= mesh.numDevices();
    return distAttr(mesh, {hasRows ? Sbp::split(0) : Sbp::broadcast()});
  };
  auto secondsOf = [&](ArrayRef<Value> values, MeshAttr src, MeshAttr dst) {
    double seconds = 0;
    for (Value v : values) {
      auto type = cast<RankedTensorType>(v.getType());
      auto [at, isNew] = byType.try_emplace({type, unsigned(src == a)}, 0);
      if (isNew)
        at->second = planner.move(type, lying(type, src), lying(type, dst)).seconds;
      seconds += at->second;
    }
    return seconds;
  };
  for (const Cut &cut : cuts) {
    known.forward.push_back(secondsOf(cut.forward, a, b));
    known.backward.push_back(secondsOf(cut.backward, b, a));
  }
  return known;
}

// ---- Stages

StageProblem StageSearch::problemFor(int64_t stages) {
  const int64_t devices = cluster.devices.size();
  StageProblem problem;
  problem.blocks = trainOps.size();
  problem.devices = devices;
  problem.microBatches = costs->microBatches();
  for (const StageMesh &mesh : meshes)
    if (devices <= kFewDevices || mesh.count * stages == devices)
      problem.meshes.push_back(mesh);
  auto estimated = [&](int64_t &bytes) {
    bytes = std::llround(memoryFactor * static_cast<double>(bytes));
  };
  for (const BlockTable &table : tables) {
    problem.tables.push_back(table.costs);
    for (std::vector<search::BlockCost> &way : problem.tables.back())
      for (search::BlockCost &cost : way) {
        estimated(cost.activeBytes);
        estimated(cost.extraBytes);
      }
  }
  for (size_t a = 0; a < problem.meshes.size(); ++a)
    for (size_t b = 0; b < problem.meshes.size(); ++b) {
      const StageMesh &from = problem.meshes[a], &to = problem.meshes[b];
      if (from.first + from.count == to.first)
        problem.crossing[{a, b}] = crossingOf(from, to);
    }
  return problem;
}

std::optional<StagePlan> StageSearch::solve(int64_t stages) {
  StageProblem problem = problemFor(stages);
  Result<std::optional<search::StageSolution>> found = search::solveStages(problem, stages);
  if (!found.isOk() || !*found || !std::isfinite((*found)->seconds))
    return std::nullopt;
  StagePlan plan;
  plan.seconds = (*found)->seconds;
  for (auto [s, stage] : llvm::enumerate((*found)->stages)) {
    const StageMesh &mesh = problem.meshes[stage.mesh];
    std::string name = stages == 1 ? "main" : "stage" + std::to_string(s);
    plan.firstBlocks.push_back(stage.firstBlock);
    plan.meshes.push_back(
        meshOn(module.getContext(), name, tables[mesh.table].shapes[stage.way], mesh.first));
  }
  return plan;
}

// Adds every way to deal blocks and devices to stages; false if there are too many. Stages of few
// devices have one axis.
bool StageSearch::addAllPlans(std::vector<StagePlan> &out) {
  const int64_t blocks = numBlocks(), devices = cluster.devices.size();
  const std::vector<std::pair<int64_t, int64_t>> all = groups();
  std::vector<std::pair<StagePlan, int64_t>> open{{StagePlan(), 0}}; ///< with devices used
  while (!open.empty()) {
    std::vector<std::pair<StagePlan, int64_t>> longer;
    for (const auto &[plan, used] : open) {
      const int64_t stage = plan.stages();
      const int64_t least = stage ? plan.firstBlocks.back() + 1 : 0;
      for (int64_t begin = least; begin < (stage ? blocks : 1); ++begin)
        for (auto [first, count] : all) {
          if (first != used)
            continue;
          StagePlan next = plan;
          next.firstBlocks.push_back(begin);
          std::string name = "stage" + std::to_string(stage);
          next.meshes.push_back(meshOn(module.getContext(), name, {{"data", count}}, first));
          if (used + count == devices)
            out.push_back(next);
          else
            longer.push_back({std::move(next), used + count});
          if (out.size() + longer.size() > kMostPlans)
            return false;
        }
    }
    open = std::move(longer);
  }
  if (!out.empty() && out[0].stages() == 1)
    out[0] = wholeMesh();
  return true;
}

FailureOr<std::vector<StagePlan>> StageSearch::candidates() {
  const int64_t devices = cluster.devices.size();
  if (numOps() <= kSmallProgram && devices <= kFewDevices) {
    std::vector<StagePlan> all;
    if (addAllPlans(all)) {
      areAllPlans = true;
      return all;
    }
  }
  const bool areEqual = devices > kFewDevices;
  if (!areEqual && failed(addTables(std::nullopt)))
    return failure();
  const int64_t most = std::min({kMostStages, int64_t(trainOps.size()), devices});
  const double ideal = areEqual ? idealSeconds() : 0;
  std::vector<StagePlan> out;
  double best = std::numeric_limits<double>::infinity(), previous = best;
  for (int64_t stages = most; stages >= 1; --stages) {
    if (areEqual) {
      const double pipeline = ideal * double(costs->microBatches() + stages - 1);
      if (devices % stages != 0 || pipeline > promisingPlan * best)
        continue;
      if (failed(addTables(devices / stages)))
        return failure();
    }
    if (std::optional<StagePlan> plan = solve(stages)) {
      best = std::min(best, plan->seconds);
      out.push_back(std::move(*plan));
      // With still fewer stages more is exchanged within each.
      const double now = out.back().seconds;
      if (areEqual && now > promisingPlan * best && now > previous)
        break;
      previous = now;
    }
  }
  std::reverse(out.begin(), out.end()); // of equal ones the fewest stages
  llvm::stable_sort(out,
                    [](const StagePlan &l, const StagePlan &r) { return l.seconds < r.seconds; });
  return out;
}

// Of a micro-batch whose work spreads over all devices and which exchanges nothing.
double StageSearch::idealSeconds() {
  double micro = 0;
  train.getBody().walk([&](Operation *op) {
    if (isa<MicroOp, YieldOp>(op) || !isa<MicroOp>(op->getParentOp()) || op->getNumOperands() == 0)
      return;
    auto types = [](TypeRange list) {
      return llvm::map_to_vector(list, [](Type type) { return cast<RankedTensorType>(type); });
    };
    micro += computeSeconds(op, types(op->getOperandTypes()), types(op->getResultTypes()),
                            cluster.devices[0]);
  });
  return micro / double(cluster.devices.size());
}

StagePlan StageSearch::wholeMesh() {
  const int64_t devices = cluster.devices.size();
  return {{0}, {meshOn(module.getContext(), "main", {{"data", devices}}, 0)}, 0};
}

// ---- Result

void StageSearch::remark(const StagePlan &plan, std::optional<double> seconds) {
  auto out =
      remark::analysis(train.getLoc(), remark::RemarkOpts::name("Stages").category("distribute"));
  if (!out)
    return;
  std::string stages;
  for (auto [begin, mesh] : llvm::zip(plan.firstBlocks, plan.meshes)) {
    stages += (stages.empty() ? "" : ", ") + (begin ? nameOf(begin) : std::string("start")) +
              " on " + std::to_string(mesh.numDevices());
  }
  out << remark::metric("Stages", plan.stages()) << remark::metric("Begin", stages);
  if (!areAllPlans)
    out << remark::metric("Estimate", plan.seconds);
  if (seconds)
    out << remark::metric("Seconds", *seconds);
}

void StageSearch::place(const StagePlan &plan) {
  for (auto &[op, block] : blockOf)
    op->setAttr(placementAttrName, plan.meshes[plan.stageOf(block)]);
}

void StageSearch::keep(const StagePlan &plan) {
  Builder b(module.getContext());
  module.walk([&](Operation *op) {
    if (auto block = op->getAttrOfType<IntegerAttr>(kStage)) {
      if (plan.stages() == 1)
        op->removeAttr(kStage);
      else
        op->setAttr(kStage, b.getI64IntegerAttr(plan.stageOf(block.getInt())));
    }
  });
  module->removeAttr(blocksAttrName);
}

} // namespace of
