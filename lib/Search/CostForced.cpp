// What the network costs if one node is forced: by reduction to that node, else option by option.
#include "lib/Search/CostReduction.h"

#include <algorithm>

namespace of::search {

namespace {

class Forcing {
public:
  Forcing(const CostNetwork &network, uint32_t node)
      : network_(network), node_(node), forced_(network.nodes[node].costs.size()),
        known_(forced_.size(), false) {}

  /// Answers what a reduction to the node alone answers.
  void reduce(bool withBytes) {
    uint64_t work = 0;
    CostReduction reduction(network_, withBytes, node_, work);
    if (!reduction.run()) {
      for (uint32_t k = 0; k < forced_.size(); ++k)
        settle(k, kForbidden, {});
      return;
    }
    if (reduction.core().nodes != 1)
      return;
    const std::vector<uint32_t> &left = reduction.options(0);
    for (uint32_t k = 0; k < forced_.size(); ++k) {
      const auto at = std::find(left.begin(), left.end(), k);
      if (at == left.end()) {
        settle(k, kForbidden, {});
        continue;
      }
      const Choice choice = reduction.expand({uint32_t(at - left.begin())});
      const bool fits = !network_.usageLimit || network_.peak(choice).bytes <= *network_.usageLimit;
      if (fits)
        settle(k, network_.cost(choice), choice);
      else if (withBytes)
        settle(k, kForbidden, {});
    }
  }

  /// Solves with each option that is left, from the known answer.
  Status solveEach(const Choice &start, const SolveBudget &budget) {
    CostNetwork fixed = network_;
    std::vector<double> &costs = fixed.nodes[node_].costs;
    for (uint32_t k = 0; k < forced_.size(); ++k) {
      if (known_[k])
        continue;
      std::fill(costs.begin(), costs.end(), kForbidden);
      costs[k] = network_.nodes[node_].costs[k];
      SolveBudget each = budget;
      each.start = start;
      each.start[node_] = k;
      OF_ASSIGN(const CostSolution answer, solve(fixed, each));
      forced_[k].lower = answer.lowerBound;
      if (!answer.feasible())
        continue;
      forced_[k].upper = answer.cost;
      forced_[k].choice = answer.choice;
    }
    return Status::ok();
  }

  const std::vector<ForcedCost> &forced() const { return forced_; }

private:
  void settle(uint32_t option, double cost, const Choice &choice) {
    if (known_[option])
      return;
    known_[option] = true;
    forced_[option] = {cost, cost, choice};
  }

  const CostNetwork &network_;
  const uint32_t node_;
  std::vector<ForcedCost> forced_;
  std::vector<char> known_;
};

} // namespace

Result<std::vector<ForcedCost>> forcedCosts(const CostNetwork &network,
                                            const CostSolution &solution, uint32_t node,
                                            const SolveBudget &budget) {
  OF_TRY(network.check());
  if (node >= network.nodes.size())
    return Status(Code::InvalidArgument, "there is no node " + std::to_string(node) +
                                             "; there are " + std::to_string(network.nodes.size()));
  if (solution.choice.size() != network.nodes.size())
    return Status(Code::InvalidArgument,
                  "the solution has " + std::to_string(solution.choice.size()) + " options for " +
                      std::to_string(network.nodes.size()) + " nodes");
  Forcing forcing(network, node);
  forcing.reduce(false);
  if (network.usageLimit)
    forcing.reduce(true);
  OF_TRY(forcing.solveEach(solution.choice, budget));
  return forcing.forced();
}

} // namespace of::search
