#include "test/distribute/optimal/Pricing.h"

#include "lib/Cost/ComputeCost.h"
#include "lib/Cost/ExchangeCost.h"
#include "runtime/base/Landing.h"
#include "test/distribute/optimal/Ways.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace of::test {

Shape shapeOf(RankedTensorType type) { return {type.getShape().begin(), type.getShape().end()}; }

Pricing::Pricing(const TrainProgram &program, const Plan &plan, const Cluster &cluster,
                 BoxingPlanner &planner)
    : program(program), plan(plan), cluster(cluster), planner(planner),
      options(program.steps.size()), values(program.values.size()) {
  for (size_t s = 0; s < program.steps.size(); ++s)
    switch (program.steps[s].kind) {
    case StepKind::Get:
      addVariable(s);
      break;
    case StepKind::Read:
      addRead(s);
      break;
    case StepKind::Yield:
      addYield(s);
      break;
    case StepKind::Compute:
      addCompute(s);
      break;
    case StepKind::Set:
      break;
    }
}

int Pricing::numberOf(size_t stage, const NdSbp &sbp) {
  auto [it, isNew] = numbers.try_emplace({stage, sbp}, layouts.size());
  if (isNew)
    layouts.push_back({stage, sbp});
  return it->second;
}

Layout Pricing::layoutOf(int layout) const {
  return {plan.meshes[layouts[layout].first], layouts[layout].second};
}

int64_t Pricing::partBytes(size_t value, int layout) const {
  RankedTensorType type = program.values[value].type;
  return elementsOf(largestLocalShape(shapeOf(type), layoutOf(layout))) *
         sizeOf(dtypeOf(type.getElementType()));
}

// ---- Options

// Whole or split over the first `dims` dims on each axis, no part empty.
std::vector<NdSbp> Pricing::splitsOf(const Shape &shape, const Placement &mesh, size_t dims) const {
  std::vector<NdSbp> out;
  std::function<void(NdSbp, Shape)> extend = [&](NdSbp sbp, Shape left) {
    if (sbp.size() == mesh.shape.size())
      return out.push_back(sbp);
    const int64_t size = mesh.shape[sbp.size()];
    sbp.push_back(Sbp::broadcast());
    extend(sbp, left);
    for (size_t dim = 0; size > 1 && dim < dims; ++dim) {
      // As many parts as the axes so far make of the dim must have an element each.
      int64_t parts = size;
      for (size_t axis = 0; axis + 1 < sbp.size(); ++axis)
        if (sbp[axis] == Sbp::split(int(dim)))
          parts *= mesh.shape[axis];
      if (parts > shape[dim])
        continue;
      sbp.back() = Sbp::split(int(dim));
      extend(sbp, left);
    }
  };
  extend({}, shape);
  return out;
}

void Pricing::addVariable(size_t s) {
  const size_t stage = stageOf(s);
  const Shape shape = shapeOf(program.values[program.steps[s].results[0]].type);
  for (const NdSbp &sbp : splitsOf(shape, plan.meshes[stage], shape.size()))
    options[s].push_back({{}, {numberOf(stage, sbp)}, 0});
}

// Rows may be split, for all fields alike. A device reads its rows and writes them once.
void Pricing::addRead(size_t s) {
  const Step &step = program.steps[s];
  const size_t stage = stageOf(s);
  const Placement &mesh = plan.meshes[stage];
  const Shape shape = shapeOf(program.values[step.results[0]].type);
  for (const NdSbp &sbp : splitsOf(shape, mesh, 1)) {
    StepOption option{{}, std::vector<int>(step.results.size(), numberOf(stage, sbp)), 0};
    for (size_t value : step.results)
      option.seconds += double(step.times) * 2 * double(partBytes(value, option.makes[0])) /
                        cluster.devices[mesh.devices[0]].bytesPerSecond;
    options[s].push_back(std::move(option));
  }
}

// What is yielded is added up as it lies.
void Pricing::addYield(size_t s) {
  const TensorValue &value = program.values[program.steps[s].operands[0]];
  std::set<int> lying;
  for (const StepOption &made : options[value.producer]) {
    const auto &results = program.steps[value.producer].results;
    const size_t at =
        std::find(results.begin(), results.end(), program.steps[s].operands[0]) - results.begin();
    lying.insert(made.makes[at]);
  }
  for (int layout : lying)
    options[s].push_back({{layout}, {layout}, 0});
}

void Pricing::addCompute(size_t s) {
  const Formula formula = formulaOf(program.steps[s].op);
  const std::vector<Way> ways = waysOf(formula);
  const Placement &mesh = plan.meshes[stageOf(s)];
  std::function<void(std::vector<const Way *>)> extend = [&](std::vector<const Way *> joint) {
    if (joint.size() == mesh.shape.size())
      return addJoint(s, formula, joint);
    for (const Way &way : ways) {
      joint.push_back(&way);
      extend(joint);
      joint.pop_back();
      if (mesh.shape[joint.size()] == 1)
        return; // whole is all there is
    }
  };
  extend({});
}

void Pricing::addJoint(size_t s, const Formula &formula, const std::vector<const Way *> &joint) {
  const Step &step = program.steps[s];
  const size_t stage = stageOf(s);
  const Placement &mesh = plan.meshes[stage];
  std::vector<int64_t> parts(formula.sizes.size(), 1);
  for (size_t axis = 0; axis < joint.size(); ++axis)
    if (joint[axis]->label >= 0)
      parts[joint[axis]->label] *= mesh.shape[axis];
  for (size_t label = 0; label < parts.size(); ++label)
    if (parts[label] > 1 && parts[label] > formula.sizes[label])
      return;
  StepOption option;
  auto layoutsOf = [&](bool ofResults, const std::vector<size_t> &values, std::vector<int> &out) {
    SmallVector<RankedTensorType> local;
    for (size_t i = 0; i < values.size(); ++i) {
      NdSbp sbp;
      for (const Way *way : joint)
        sbp.push_back(ofResults ? way->makes[i] : way->needs[i]);
      out.push_back(numberOf(stage, sbp));
      RankedTensorType type = program.values[values[i]].type;
      local.push_back(RankedTensorType::get(largestLocalShape(shapeOf(type), {mesh, sbp}),
                                            type.getElementType()));
    }
    return local;
  };
  SmallVector<RankedTensorType> operands = layoutsOf(false, step.operands, option.needs);
  SmallVector<RankedTensorType> results = layoutsOf(true, step.results, option.makes);
  // One value that is a factor twice is not whole in one place and partial in the other.
  for (size_t i = 0; i < step.operands.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (step.operands[i] == step.operands[j])
        for (const Way *way : joint)
          if (way->needs[i] != way->needs[j] &&
              (way->needs[i].isPartial() || way->needs[j].isPartial()))
            return;
  option.seconds = double(step.times) *
                   computeSeconds(step.op, operands, results, cluster.devices[mesh.devices[0]]);
  options[s].push_back(std::move(option));
}

// ---- Movements

// Nothing becomes partial that is not partial already, on the same axis of the same mesh.
double Pricing::moveSeconds(size_t value, int from, int to) {
  if (from == to)
    return 0;
  auto [it, isNew] = moves.try_emplace({value, from, to}, 0);
  if (!isNew)
    return it->second;
  const NdSbp &before = sbpOf(from), &after = sbpOf(to);
  for (size_t axis = 0; axis < after.size(); ++axis)
    if (after[axis].isPartial() &&
        (stageOfLayout(from) != stageOfLayout(to) || before[axis] != after[axis]))
      return it->second = std::numeric_limits<double>::infinity();
  RankedTensorType type = program.values[value].type;
  return it->second =
             double(program.values[value].times) *
             planner
                 .path(shapeOf(type), dtypeOf(type.getElementType()), layoutOf(from), layoutOf(to))
                 .seconds;
}

int64_t Pricing::moveBytes(size_t value, int from, int to) {
  if (from == to)
    return 0;
  RankedTensorType type = program.values[value].type;
  const Shape shape = shapeOf(type);
  const DType dtype = dtypeOf(type.getElementType());
  int64_t bytes = 0;
  Layout at = layoutOf(from);
  for (const Layout &next : planner.path(shape, dtype, at, layoutOf(to)).steps) {
    bytes += elementsOf(largestLocalShape(shape, next)) * sizeOf(dtype) +
             landingSlotBytes({{dtype, shape, at, next}}, next.placement.devices[0],
                              distanceIn(cluster));
    at = next;
  }
  return bytes;
}

int Pricing::madeAs(size_t value, int layout) { return stateOf(value, layout, {}); }

int Pricing::withNeed(size_t value, int state, int layout) {
  State &now = values[value].states[state];
  if (now.next.empty())
    now.next.assign(layouts.size(), -1);
  if (now.next[layout] < 0) {
    std::vector<int> needs = now.needs;
    const auto at = std::lower_bound(needs.begin(), needs.end(), layout);
    if (at == needs.end() || *at != layout)
      needs.insert(at, layout);
    now.next[layout] = stateOf(value, now.made, std::move(needs));
  }
  return now.next[layout];
}

int Pricing::stateOf(size_t value, int made, std::vector<int> needs) {
  ValueStates &of = values[value];
  auto [it, isNew] = of.numbers.try_emplace({made, needs}, int(of.states.size()));
  if (isNew) {
    Versions versions = cheapest(value, made, needs);
    of.states.push_back({made, std::move(needs), std::move(versions), {}});
  }
  return it->second;
}

static bool isNear(double l, double r) { return std::abs(l - r) <= 1e-12 * std::abs(r); }

static bool areNear(const std::vector<double> &l, const std::vector<double> &r) {
  return std::equal(l.begin(), l.end(), r.begin(), isNear);
}

// Each version is made from the one that is made or from another; of all orders the cheapest.
Versions Pricing::cheapest(size_t value, int made, const std::vector<int> &needs) {
  Versions out;
  for (int need : needs)
    out.atLeast = std::max(out.atLeast, moveSeconds(value, made, need));
  out.total = std::numeric_limits<double>::infinity();
  out.bytes.assign(stages(), 0);
  std::vector<int> order = needs;
  do {
    double total = 0;
    std::vector<double> seconds(stages(), 0);
    for (size_t i = 0; i < order.size(); ++i) {
      double least = moveSeconds(value, made, order[i]);
      for (size_t j = 0; j < i; ++j)
        least = std::min(least, moveSeconds(value, order[j], order[i]));
      total += least;
      seconds[stageOfLayout(order[i])] += least;
    }
    if (std::isinf(total) || (total > out.total && !isNear(total, out.total)))
      continue;
    if (total < out.total && !isNear(total, out.total))
      out.ways.clear();
    out.total = std::min(out.total, total);
    if (std::none_of(out.ways.begin(), out.ways.end(),
                     [&](const std::vector<double> &way) { return areNear(way, seconds); }))
      out.ways.push_back(std::move(seconds));
  } while (std::next_permutation(order.begin(), order.end()));
  if (std::isfinite(out.total))
    for (int need : needs)
      out.bytes[stageOfLayout(need)] += moveBytes(value, made, need);
  return out;
}

} // namespace of::test
