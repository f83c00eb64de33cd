// The ladder from the reduced network to the answer.
#include "lib/Search/CostReduction.h"
#include "lib/Search/CostSearch.h"
#include "lib/Search/CostSeek.h"

#include <algorithm>
#include <cmath>

namespace of::search {

namespace {

constexpr size_t kRelaxedEntries =
    40'000'000; ///< larger networks are not solved without bytes first

constexpr uint64_t kLeastWork = 100'000'000, kWorkOfEntry = 3'000;
/// Parts of the relaxation's bound within which a choice is looked for before it is anywhere.
constexpr double kSlack[] = {0.02, 0.15};

/// More nodes are not searched where paying for bytes has found nothing that fits.
constexpr size_t kFewNodes = 200;

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

/// What a choice costs at least, and what it does if a node takes an option.
struct OptionBounds {
  explicit OptionBounds(double bound) : bound(bound) {}
  OptionBounds(const CostReduction &reduction, const CostCore &core, const ShiftedCosts &shifted)
      : bound(shifted.bound + core.constant) {
    for (uint32_t i = 0; i < core.nodes; ++i) {
      const auto first = shifted.costs.begin() + long(core.firstCost[i]);
      const double least = *std::min_element(first, first + core.options(i));
      bound += least;
      for (uint32_t k = 0; k < core.options(i); ++k)
        options.push_back({reduction.original(i), reduction.options(i)[k], first[k] - least});
    }
  }

  /// Forbids the options with which the network costs more; returns how many.
  size_t forbidAbove(double most, CostNetwork &network) const {
    most += 1e-9 * std::abs(most);
    size_t forbidden = 0;
    for (const Option &option : options)
      if (bound + option.more > most) {
        network.nodes[option.node].costs[option.k] = kForbidden;
        ++forbidden;
      }
    return forbidden;
  }

  struct Option {
    uint32_t node, k;
    double more; ///< than the bound
  };
  double bound;
  std::vector<Option> options; ///< of the nodes that the reduction left
};

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
      widen();
    if (limited && !closed() && !isWithin_) {
      seek(share(0.3));
      if (!closed())
        rung(true, share(0.85));
    }
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

  /// Looks where the cost is hardly above the relaxation's bound, then further away. What is found
  /// there costs less than all that was left out.
  void widen() {
    const double least = bound_;
    for (size_t i = 0; i < std::size(kSlack) && !best_ && relaxed_ && work_ < limit_; ++i) {
      const double most = least + kSlack[i] * std::abs(least);
      if (!relaxed_->forbidAbove(most, network_))
        continue;
      seek(share(0.25));
      if (!closed() && (best_ || network_.nodes.size() <= kFewNodes))
        rung(true, share(0.3));
      isWithin_ = best_ && cost_ <= most;
      bound_ = isWithin_ ? bound_ : least;
      infeasible_ = false;
      conflict_ = {};
      if (!isWithin_) // nothing else had left out options
        network_.nodes = original_.nodes;
    }
  }

  /// Choices that fit, where none is known.
  void seek(uint64_t limit) {
    if (best_ || free_.empty())
      return;
    const Sought sought = seekFit(network_, free_, {limit, budget_.gap, bound_}, work_);
    if (sought.best)
      offer(*sought.best);
    bound_ = std::max(bound_, std::min(sought.bound, cost_));
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
    else if (!closest_.empty())
      target.start = reduction.project(closest_);
    search.run(target);
    if (search.lowerBound() == kForbidden)
      return refute({});
    bound_ = std::max(bound_, std::min(search.lowerBound(), cost_));
    if (!withBytes) {
      freeBound_ = std::max(freeBound_, search.lowerBound());
      free_ = reduction.expand(search.best() ? *search.best() : search.closest());
    }
    if (search.best())
      offer(reduction.expand(*search.best()));
    else if (!best_)
      closest_ = reduction.expand(search.closest());
    if (closed() || (withBytes && !best_) || work_ >= limit_)
      return;
    OptionBounds bounds(reduction, core, search.shifted());
    bound_ = std::max(bound_, std::min(bounds.bound, cost_));
    if (!withBytes && !best_)
      relaxed_ = core.nodes == 0 && network_.nodes.size() <= kFewNodes ? boundsNodeByNode()
                                                                       : std::move(bounds);
    else
      narrowed_ = 20 * bounds.forbidAbove(cost_, network_) > core.costs.size();
  }

  /// A network that reduces to nothing says nothing of its options; to one node, all of that one's.
  OptionBounds boundsNodeByNode() {
    OptionBounds bounds(bound_);
    for (uint32_t node = 0; node < network_.nodes.size(); ++node) {
      CostReduction reduction(network_, false, node, work_);
      if (!reduction.run())
        break;
      const CostCore core = reduction.core();
      if (core.nodes != 1)
        continue;
      for (uint32_t k = 0; k < core.options(0); ++k)
        bounds.options.push_back(
            {node, reduction.options(0)[k], core.constant + core.cost(0)[k] - bound_});
    }
    return bounds;
  }

  CostSolution finish() {
    CostSolution solution;
    solution.work = work_;
    solution.choice = best_ ? *best_ : closest_;
    solution.choice.resize(original_.nodes.size(), 0);
    solution.cost = original_.cost(solution.choice);
    solution.peak = original_.peak(solution.choice).bytes;
    solution.freeBound = freeBound_;
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
  std::optional<OptionBounds> relaxed_; ///< without bytes
  bool isWithin_ = false; ///< whether all that costs less than the best choice is in the network
  bool narrowed_ = false; ///< whether the last rung forbade enough to climb another
  uint64_t limit_ = 0, work_ = 0;
  std::optional<Choice> best_;
  Choice closest_, free_; ///< free_: of the relaxation
  double cost_ = kForbidden, bound_ = -kForbidden, freeBound_ = -kForbidden;
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
