// The ladder from the reduced network to the answer.
#include "lib/Search/CostReduction.h"
#include "lib/Search/CostSearch.h"

#include <algorithm>
#include <cmath>

namespace of::search {

namespace {

constexpr size_t kRelaxedEntries =
    4'000'000; ///< larger networks are not solved without bytes first

constexpr uint64_t kLeastWork = 100'000'000, kWorkOfEntry = 3'000;
constexpr int kNarrower = 8; ///< rungs on narrower and narrower networks

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

/// Owns what is known while the rungs are climbed.
class Ladder {
public:
  Ladder(const CostNetwork &network, const SolveBudget &budget)
      : original_(network), network_(network), budget_(budget) {
    limit_ = budget.work ? budget.work : kLeastWork + kWorkOfEntry * uint64_t(entriesOf(network));
  }

  CostSolution run() {
    const bool limited = original_.usageLimit.has_value();
    if (!budget_.start.empty())
      offer(budget_.start);
    if (entriesOf(original_) <= kRelaxedEntries || !limited)
      rung(false, share(limited ? 0.25 : 0.85));
    if (limited && !closed())
      rung(true, share(0.85));
    for (int round = 0; round < kNarrower && narrowed_ && !closed() && work_ < limit_; ++round)
      rung(limited, share(0.6));
    return finish();
  }

private:
  uint64_t share(double part) const {
    return work_ + uint64_t(part * double(limit_ > work_ ? limit_ - work_ : 0));
  }
  /// Keeps the choice if it fits and costs less than the best.
  void offer(const Choice &choice) {
    const double cost = original_.cost(choice);
    const bool fits =
        !original_.usageLimit || original_.peak(choice).bytes <= *original_.usageLimit;
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

  /// Nothing fits; or, once options that cost too much are forbidden, nothing costs less.
  void refute(const Conflict &conflict) {
    bound_ = best_ ? cost_ : kForbidden;
    infeasible_ = !best_;
    conflict_ = conflict;
  }

  /// Solves the network, or without bytes its relaxation.
  void rung(bool withBytes, uint64_t limit) {
    narrowed_ = false;
    CostReduction reduction(network_, withBytes, std::nullopt, work_);
    if (!reduction.run())
      return refute(reduction.conflict());
    const CostCore core = reduction.core();
    if (const std::optional<UsagePeak> peak = reduction.overfull(core)) {
      Conflict conflict;
      conflict.usage = peak;
      return refute(conflict);
    }
    CostSearch search(core, work_);
    const bool exactCosts = withBytes || !original_.usageLimit;
    CoreTarget target{limit,        budget_.gap,  exactCosts ? cost_ : kForbidden,
                      std::nullopt, budget_.seed, budget_.boundFirst};
    if (best_)
      target.start = reduction.project(*best_);
    else if (!budget_.start.empty())
      target.start = reduction.project(budget_.start);
    search.run(target);
    if (search.lowerBound() == kForbidden)
      return refute({});
    bound_ = std::max(bound_, std::min(search.lowerBound(), cost_));
    if (search.best())
      offer(reduction.expand(*search.best()));
    else if (!best_)
      closest_ = reduction.expand(search.closest());
    if (best_ && !closed())
      narrow(reduction, core, search);
  }

  /// Forbids the options with which the network costs more than the best choice.
  void narrow(const CostReduction &reduction, const CostCore &core, CostSearch &search) {
    const ShiftedCosts shifted = search.shifted();
    std::vector<double> least(core.nodes);
    double bound = shifted.bound + core.constant;
    for (uint32_t i = 0; i < core.nodes; ++i)
      bound += least[i] = *std::min_element(shifted.costs.begin() + long(core.firstCost[i]),
                                            shifted.costs.begin() + long(core.firstCost[i + 1]));
    bound_ = std::max(bound_, std::min(bound, cost_));
    const double most = cost_ + 1e-9 * std::abs(cost_);
    size_t forbidden = 0;
    for (uint32_t i = 0; i < core.nodes; ++i)
      for (uint32_t k = 0; k < core.options(i); ++k) {
        if (bound - least[i] + shifted.costs[core.firstCost[i] + k] <= most)
          continue;
        network_.nodes[reduction.original(i)].costs[reduction.options(i)[k]] = kForbidden;
        ++forbidden;
      }
    narrowed_ = 20 * forbidden > core.costs.size();
  }

  CostSolution finish() {
    CostSolution solution;
    solution.work = work_;
    solution.choice = best_ ? *best_ : closest_;
    solution.choice.resize(original_.nodes.size(), 0);
    solution.cost = original_.cost(solution.choice);
    solution.peak = original_.peak(solution.choice).bytes;
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

  const CostNetwork &original_;
  CostNetwork network_; ///< without the options that were found to cost too much
  const SolveBudget &budget_;
  bool narrowed_ = false; ///< whether the last rung forbade enough to climb another
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
