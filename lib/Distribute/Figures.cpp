#include "lib/Distribute/Figures.h"

#include "lib/Distribute/SearchProblem.h"
#include "lib/Distribute/Versions.h"

using namespace mlir;

namespace of {

/// Larger than any device, so that bytes are counted and nothing is refused.
static constexpr int64_t anyMemory = int64_t(1) << 59;

namespace {

/// How a value is made, and in which ways it is needed.
struct ValueNeeds {
  DistAttr made;
  llvm::SetVector<DistAttr> wanted;
};

} // namespace

static int64_t movedBytes(const DistNetwork &network, const DistChoice &choice) {
  llvm::MapVector<Value, ValueNeeds> values;
  int64_t bytes = 0;
  for (auto [node, index] : llvm::zip(network.nodes(), choice)) {
    const DistOption &option = node.options[index];
    for (auto [i, result] : llvm::enumerate(node.results)) {
      values[result].made = distAttr(node.mesh, option.results[i]);
      bytes += network.moveBytes(result, distAttr(node.mesh, option.made[i]),
                                 distAttr(node.mesh, option.results[i]));
    }
  }
  for (auto [node, index] : llvm::zip(network.nodes(), choice))
    for (auto [operand, sbp] : llvm::zip(node.operands, node.options[index].operands)) {
      const DistValue &info = network.value(operand->get());
      ValueNeeds &needs = values[operand->get()];
      if (info.isFree)
        needs.made = distAttr(info.mesh, info.candidates[0]);
      needs.wanted.insert(distAttr(node.mesh, sbp));
    }
  for (auto &[v, needs] : values)
    for (auto [from, to] : versionMoves(network, v, needs.made, needs.wanted.getArrayRef()))
      bytes += network.moveBytes(v, from, to);
  return bytes;
}

FailureOr<ChoiceFigures> figuresOf(const DistNetwork &network, const DistChoice &choice,
                                   const RecomputeChoice &levels) {
  size_t next = 0;
  DistNetwork decided =
      network.with([&](DistNode &node) { node.options.keepOnly(node.options[choice[next++]]); });
  std::vector<RecomputeLevels> only;
  for (size_t g = 0; g < network.levels().size(); ++g)
    only.push_back({g < levels.size() ? levels[g] : Recompute::None});
  decided.setLevels(std::move(only));
  SearchProblemOptions options;
  options.memoryLimit = anyMemory;
  const SearchProblem problem(decided, options);
  const Result<search::CostSolution> solution = search::solve(problem.costs());
  if (!solution.isOk() || !solution->feasible())
    return failure();
  return ChoiceFigures{solution->cost, solution->peak, movedBytes(network, choice)};
}

} // namespace of
