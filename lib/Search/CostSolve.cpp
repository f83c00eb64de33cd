// The ladder from the reduced network to the answer.
#include "lib/Search/CostReduction.h"
#include "lib/Search/CostSearch.h"

#include <algorithm>
#include <cmath>

namespace of::search {

namespace {

constexpr size_t kRelaxedEntries =
    4'000'000; ///< larger networks are not solved without bytes first

size_t entriesOf(const CostNetwork &network) {
  size_t entries = 0;
  for (const CostNode &n : network.nodes)
    entries += n.costs.size();
  for (const CostEdge &e : network.edges)
    entries += e.costs.size();
  return entries;
}

Status checkStart(const CostNetwork &network, const Choice &start) {
  if (start.empty())
    return Status::ok();
  if (start.size() != network.nodes.size())
    return Status(Code::InvalidArgument, "the start has " + std::to_string(start.size()) +
                                             " options for " +
                                             std::to_string(network.nodes.size()) + " nodes");
  for (size_t i = 0; i < start.size(); ++i)
    if (start[i] >= network.nodes[i].costs.size())
      return Status(Code::InvalidArgument, "the start takes option " + std::to_string(start[i]) +
                                               " of node " + std::to_string(i) + ", which has " +
                                               std::to_string(network.nodes[i].costs.size()));
  return Status::ok();
}

class Ladder {
public:
  Ladder(const CostNetwork &network, const SolveBudget &budget)
      : network_(network), budget_(budget) {
    limit_ = budget.work ? budget.work : 20'000'000 + 2'000 * uint64_t(entriesOf(network));
  }

  CostSolution run() {
    if (!budget_.start.empty())
      offer(budget_.start);
    if (entriesOf(network_) <= kRelaxedEntries || !network_.usageLimit)
      rung(false, network_.usageLimit ? limit_ / 4 : limit_);
    if (network_.usageLimit && !closed())
      rung(true, limit_);
    return finish();
  }

private:
  /// Keeps the choice if it fits and costs less than the best.
  void offer(const Choice &choice) {
    const double cost = network_.cost(choice);
    const bool fits = !network_.usageLimit || network_.peak(choice).bytes <= *network_.usageLimit;
    if (fits && cost < cost_) {
      cost_ = cost;
      best_ = choice;
    } else if (!best_) {
      closest_ = choice;
    }
  }
  bool closed() const {
    return infeasible_ ||
           (best_ && cost_ - bound_ <= std::max(budget_.gap, 1e-11) * std::abs(cost_));
  }

  /// Solves the network, or without bytes its relaxation.
  void rung(bool withBytes, uint64_t limit) {
    CostReduction reduction(network_, withBytes, std::nullopt, work_);
    if (!reduction.run()) {
      infeasible_ = true;
      conflict_ = reduction.conflict();
      return;
    }
    const CostCore core = reduction.core();
    if (const std::optional<UsagePeak> peak = reduction.overfull(core)) {
      infeasible_ = true;
      conflict_.usage = peak;
      return;
    }
    CostSearch search(core, work_);
    CoreTarget target{limit, budget_.gap, withBytes || !network_.usageLimit ? cost_ : kForbidden,
                      std::nullopt, budget_.seed};
    if (!budget_.start.empty())
      target.start = reduction.project(budget_.start);
    search.run(target);
    bound_ = std::max(bound_, search.lowerBound());
    if (search.best())
      offer(reduction.expand(*search.best()));
    else if (!best_)
      closest_ = reduction.expand(search.closest());
    infeasible_ = bound_ == kForbidden;
  }

  CostSolution finish() {
    CostSolution solution;
    solution.work = work_;
    solution.choice = best_ ? *best_ : closest_;
    solution.choice.resize(network_.nodes.size(), 0);
    solution.cost = network_.cost(solution.choice);
    solution.peak = network_.peak(solution.choice).bytes;
    solution.conflict = conflict_;
    if (best_ && !infeasible_) {
      const bool optimal = cost_ - bound_ <= 1e-10 * std::abs(cost_);
      solution.verdict = optimal ? Verdict::Optimal : Verdict::Feasible;
      solution.lowerBound = optimal ? cost_ : bound_;
    } else {
      solution.verdict = infeasible_ ? Verdict::Infeasible : Verdict::Unknown;
      solution.lowerBound = infeasible_ ? kForbidden : bound_;
    }
    return solution;
  }

  const CostNetwork &network_;
  const SolveBudget &budget_;
  uint64_t limit_ = 0, work_ = 0;
  std::optional<Choice> best_;
  Choice closest_;
  double cost_ = kForbidden, bound_ = -kForbidden;
  bool infeasible_ = false;
  Conflict conflict_;
};

} // namespace

Result<CostSolution> solve(const CostNetwork &network, const SolveBudget &budget) {
  OF_TRY(network.check());
  OF_TRY(checkStart(network, budget.start));
  return Ladder(network, budget).run();
}

} // namespace of::search
