#include "lib/Search/CostRepair.h"

#include <algorithm>

namespace of::search {

namespace {

constexpr int kPasses = 6;
constexpr int kRaises = 24;

class Repair {
public:
  Repair(const CostCore &core, CostState &state, uint64_t &work)
      : core_(core), state_(state), work_(work), local_(state.mostOptions()) {}

  /// One pass over all nodes; true if one moved. With `strict`, only to options that fit.
  bool pass(bool forwards, bool strict) {
    bool moved = false;
    for (uint32_t n = 0; n < core_.nodes; ++n)
      moved |= visit(forwards ? n : core_.nodes - 1 - n, strict);
    return moved;
  }
  void settle(bool strict) {
    for (int p = 0; p < kPasses && pass(p % 2 == 0, strict); ++p) {
    }
  }

  void setPrices(const std::vector<double> &prices) {
    before_.assign(prices.size() + 1, 0);
    for (size_t row = 0; row < prices.size(); ++row)
      before_[row + 1] = before_[row] + prices[row];
    work_ += prices.size();
  }
  void noPrices() { before_.clear(); }

private:
  bool visit(uint32_t node, bool strict) {
    state_.localCosts(node, local_.data());
    const uint32_t options = core_.options(node), now = state_.choice()[node];
    if (!before_.empty())
      for (const CoreDemand *d = core_.demandsBegin(node); d != core_.demandsEnd(node); ++d)
        for (uint32_t k = 0; k < options; ++k)
          local_[k] +=
              (before_[d->rows.hi] - before_[d->rows.lo]) * double(core_.bytes[d->bytes + k]);
    uint32_t best = now;
    for (uint32_t k = 0; k < options; ++k)
      if (local_[k] < local_[best] && (!strict || state_.fitsWith(node, k)))
        best = k;
    if (best == now)
      return false;
    state_.move(node, best);
    return true;
  }

  const CostCore &core_;
  CostState &state_;
  uint64_t &work_;
  std::vector<double> local_, before_; ///< before_: sums of prices; empty: none
};

/// Raises the prices of the rows that overflow.
void raise(const CostCore &core, const CostState &state, double least,
           std::vector<double> &prices) {
  for (size_t row = 0; row < prices.size(); ++row)
    if (state.used()[row] > core.capacity[row])
      prices[row] = std::max(prices[row], least) * 1.5;
}

double leastPrice(const CostCore &core, const CostState &state, const std::vector<double> &prices) {
  double total = 0, bytes = 1;
  for (double price : prices)
    total += price;
  for (int64_t capacity : core.capacity)
    bytes = std::max(bytes, double(capacity));
  const double rows = double(std::max<size_t>(1, prices.size()));
  return total > 0 ? 0.1 * total / rows : 1e-4 * state.penalty() / bytes;
}

} // namespace

void polish(const CostCore &core, CostState &state, uint64_t &work) {
  Repair(core, state, work).settle(true);
}

bool repair(const CostCore &core, CostState &state, std::vector<double> prices, uint64_t &work) {
  Repair all(core, state, work);
  all.setPrices(prices);
  all.settle(false);
  const double least = leastPrice(core, state, prices);
  for (int r = 0; r < kRaises && !state.fits(); ++r) {
    raise(core, state, least, prices);
    all.setPrices(prices);
    all.pass(r % 2 == 0, false);
  }
  if (!state.fits())
    return false;
  all.noPrices();
  all.settle(true);
  return state.feasibleCost() < kForbidden;
}

} // namespace of::search
