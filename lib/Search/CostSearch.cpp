#include "lib/Search/CostSearch.h"

#include "lib/Search/CostBlocks.h"
#include "lib/Search/CostExact.h"
#include "lib/Search/CostRepair.h"

#include <algorithm>
#include <climits>
#include <cmath>

namespace of::search {

namespace {

/// No choice that takes nothing forbidden costs more, without the constant.
double mostCost(const CostCore &core) {
  auto mostIn = [](const double *begin, const double *end) {
    double most = -kForbidden;
    for (const double *cost = begin; cost != end; ++cost)
      most = *cost < kForbidden ? std::max(most, *cost) : most;
    return most;
  };
  double sum = 0;
  for (uint32_t i = 0; i < core.nodes; ++i) {
    sum += mostIn(core.cost(i), core.cost(i) + core.options(i));
    for (const CoreLink *l = core.linksBegin(i); l != core.linksEnd(i); ++l)
      if (l->other > i)
        sum +=
            mostIn(core.tables.data() + l->out,
                   core.tables.data() + l->out + core.options(i) * size_t(core.options(l->other)));
  }
  return sum;
}

constexpr uint32_t kExactNodes = 150;
constexpr int kStall = 60;            ///< rounds without better bound or choice that end a phase
constexpr unsigned kSettle = 4;       ///< rounds of messages before prices move
constexpr unsigned kFirstRounds = 30; ///< before the first exact search
constexpr unsigned kExactRounds = 20; ///< of messages before an exact search
constexpr uint64_t kFirstExact = 2'000'000; ///< units of the first exact search

constexpr size_t kBlockStall = 200; ///< blocks without better choice that end the phase
constexpr size_t kBlockSizes[] = {8, 24, 64, 200};
constexpr double kPriceShares[] = {0, 0.3, 1, 1.5}; ///< of the best bound's prices

} // namespace

CostSearch::CostSearch(const CostCore &core, uint64_t &work)
    : core_(core), work_(work), messages_(core, work), prices_(core), state_(core, work) {
  const double most = mostCost(core) + core.constant;
  most_ = most + 1e-6 * std::abs(most);
  work_ += core.tables.size() / 2;
}

bool CostSearch::done() const {
  if (bestCost_ == kForbidden)
    return bound_ == kForbidden;
  return bestCost_ - bound_ <= std::max(target_.gap, 1e-11) * std::abs(bestCost_);
}

double CostSearch::scale() const {
  if (bestCost_ < kForbidden)
    return std::max(std::abs(bestCost_ - core_.constant), bestCost_ - bound_);
  return std::max(std::abs(bound_ - core_.constant), 1e-3 * state_.penalty());
}

void CostSearch::offer(const CostState &state) {
  const double cost = state.feasibleCost() + core_.constant;
  if (cost >= bestCost_)
    return;
  bestCost_ = cost;
  best_ = state.choice();
}

void CostSearch::round(const Choice &rounded) {
  state_.reset(rounded);
  if (repair(core_, state_, prices_.prices(), work_))
    offer(state_);
  closest_ = state_.choice();
}

void CostSearch::boundPhase(unsigned rounds, uint64_t limit) {
  Choice rounded;
  int stall = 0;
  for (unsigned t = 0; t < rounds && !done() && (rounds_ == 0 || work_ < limit); ++t, ++rounds_) {
    messages_.setPrices(prices_.prices());
    messages_.forward(rounded);
    const double bound = messages_.backward() + core_.constant, before = bestCost_;
    const bool better = bound > bound_ + 1e-6 * std::abs(bound_) || bound_ == -kForbidden;
    bound_ = std::max(bound_, bound);
    if (bound_ > most_) // at prices that outgrow all costs: nothing fits
      bound_ = bestCost_;
    state_.reset(rounded);
    const std::vector<int64_t> used = state_.used();
    round(rounded);
    stall = better || bestCost_ < before ? 0 : stall + 1;
    if (core_.rows() ? prices_.exhausted() : stall >= kStall)
      break;
    if (rounds_ >= kSettle)
      prices_.update({&used, bound, bestCost_, scale()});
  }
}

ShiftedCosts CostSearch::shifted() {
  messages_.setPrices(prices_.bestPrices());
  Choice rounded;
  for (unsigned t = 0; t < kExactRounds; ++t) {
    messages_.forward(rounded);
    bound_ = std::max(bound_, messages_.backward() + core_.constant);
  }
  messages_.forward(rounded);
  ShiftedCosts shifted = messages_.shift();
  shifted.project(core_);
  return shifted;
}

void CostSearch::exactPhase(uint64_t limit) {
  if (core_.nodes > kExactNodes || done() || work_ >= limit)
    return;
  CostExact exact(core_, shifted(), work_);
  const bool exhausted = exact.run(bestCost_ - core_.constant, limit);
  if (exact.best()) {
    best_ = exact.best();
    bestCost_ = core_.costOf(*best_) + core_.constant;
  }
  if (exhausted)
    bound_ = bestCost_;
}

void CostSearch::improvePhase(uint64_t limit) {
  if (!best_ || done())
    return;
  state_.reset(*best_);
  CostBlocks blocks(core_, state_, target_.seed, work_);
  const size_t patience = kBlockStall + 2 * core_.nodes;
  for (size_t stall = 0; stall < patience && work_ < limit && !done(); ++stall) {
    std::vector<double> prices = prices_.bestPrices();
    const double share = kPriceShares[blocks.random() % std::size(kPriceShares)];
    for (double &price : prices)
      price *= share;
    const size_t size = kBlockSizes[blocks.random() % std::size(kBlockSizes)];
    if (!blocks.improve(uint32_t(blocks.random() % core_.nodes), size, std::move(prices)))
      continue;
    const double before = bestCost_;
    offer(state_);
    if (bestCost_ < before)
      stall = 0;
  }
}

void CostSearch::run(const CoreTarget &target) {
  target_ = target;
  bestCost_ = target.known;
  if (target.start) {
    state_.reset(*target.start);
    if (state_.fits())
      polish(core_, state_, work_);
    else
      (void)repair(core_, state_, prices_.prices(), work_);
    closest_ = state_.choice();
    const double cost = state_.feasibleCost() + core_.constant;
    if (cost < kForbidden && cost <= bestCost_ + 1e-9 * std::abs(bestCost_)) {
      best_ = closest_;
      bestCost_ = std::min(bestCost_, cost);
    }
  }
  const auto share = [&](double part) {
    return work_ + uint64_t(part * double(target_.limit > work_ ? target_.limit - work_ : 0));
  };
  boundPhase(kFirstRounds, share(0.5));
  exactPhase(std::min(share(0.1), work_ + kFirstExact));
  boundPhase(UINT_MAX, share(target.boundFirst ? 1 : 0.8));
  if (!target.boundFirst)
    improvePhase(share(0.5));
  exactPhase(target_.limit);
  if (!target.boundFirst)
    improvePhase(target_.limit);
  bound_ = std::min(bound_, bestCost_);
}

} // namespace of::search
