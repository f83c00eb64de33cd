#include "lib/Search/CostSearch.h"

#include "lib/Search/CostExact.h"
#include "lib/Search/CostRepair.h"

#include <algorithm>
#include <cmath>

namespace of::search {

namespace {

constexpr uint32_t kExactNodes = 300;
constexpr int kStall = 60; ///< rounds without better bound or choice that end a phase

} // namespace

CostSearch::CostSearch(const CostCore &core, uint64_t &work)
    : core_(core), work_(work), messages_(core, work), prices_(core), state_(core, work) {}

bool CostSearch::done() const {
  if (bestCost_ == kForbidden)
    return bound_ == kForbidden;
  return bestCost_ - bound_ <= std::max(target_.gap, 1e-11) * std::abs(bestCost_);
}

double CostSearch::scale() const {
  const double cost = (bestCost_ < kForbidden ? bestCost_ : bound_) - core_.constant;
  return std::max(std::abs(cost), 1e-3 * state_.penalty());
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

void CostSearch::boundPhase(uint64_t limit) {
  Choice rounded;
  int stall = 0;
  for (unsigned t = 0; stall < kStall && !done() && (t == 0 || work_ < limit); ++t) {
    messages_.setPrices(prices_.prices());
    messages_.forward(rounded);
    const double bound = messages_.backward() + core_.constant, before = bestCost_;
    const bool better = bound > bound_ + 1e-6 * std::abs(bound_) || bound_ == -kForbidden;
    if (bound > bound_) {
      bound_ = bound;
      boundPrices_ = prices_.prices();
    }
    state_.reset(rounded);
    const std::vector<int64_t> used = state_.used();
    round(rounded);
    stall = better || bestCost_ < before ? 0 : stall + 1;
    if (t >= 4)
      prices_.update(used, scale(), bestCost_ < kForbidden);
  }
}

void CostSearch::exactPhase(uint64_t limit) {
  if (core_.nodes > kExactNodes || done() || work_ >= limit)
    return;
  messages_.setPrices(boundPrices_);
  Choice rounded;
  for (int t = 0; t < 20; ++t) {
    messages_.forward(rounded);
    (void)messages_.backward();
  }
  CostExact exact(core_, messages_, work_);
  const bool exhausted = exact.run(bestCost_ - core_.constant, limit);
  if (exact.best()) {
    best_ = exact.best();
    bestCost_ = core_.costOf(*best_) + core_.constant;
  }
  if (exhausted)
    bound_ = bestCost_;
}

void CostSearch::run(const CoreTarget &target) {
  target_ = target;
  bestCost_ = target.known;
  boundPrices_.assign(core_.rows(), 0);
  if (target.start) {
    state_.reset(*target.start);
    polish(core_, state_, work_);
    offer(state_);
    closest_ = state_.choice();
  }
  const uint64_t left = target.limit > work_ ? target.limit - work_ : 0;
  boundPhase(work_ + left / 2);
  exactPhase(target.limit);
  bound_ = std::min(bound_, bestCost_);
}

} // namespace of::search
