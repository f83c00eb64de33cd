// Prices of bytes: what a byte in each row costs while the core is solved under prices.
//
// First they grow: a row above its capacity gets dearer, one below it cheaper, by a factor, so that
// prices of any order of magnitude are reached and many different choices are seen. Once the bound
// hardly rises they climb: steps along the overflow (the subgradient of the bound) as long as the
// gap suggests (Polyak), from the prices of the best bound, shorter and shorter. Owned by one
// caller.
#pragma once

#include "lib/Search/CostCore.h"

namespace of::search {

/// What was seen under the present prices.
struct PriceReport {
  const std::vector<int64_t> *used = nullptr; ///< of a choice that is good under them
  double bound = 0;
  double best = kForbidden; ///< cost of the best choice that fits
  double scale = 1;         ///< what all rows together may be worth
};

class CostPrices {
public:
  explicit CostPrices(const CostCore &core);

  const std::vector<double> &prices() const { return prices_; }
  const std::vector<double> &bestPrices() const { return bestPrices_; }
  double bestBound() const { return bestBound_; }
  /// Whether further updates will hardly improve the bound.
  bool exhausted() const { return climbing_ && length_ < 1e-3; }

  void update(const PriceReport &report);

private:
  void keepBest(double bound);
  void grow(const PriceReport &report);
  void climb(const PriceReport &report);

  const CostCore &core_;
  std::vector<double> prices_, bestPrices_;
  double bestBound_ = -kForbidden;
  double limit_ = 1; ///< bytes that overflow is relative to
  unsigned updates_ = 0;
  double markBound_ = -kForbidden; ///< best bound at the last look, to see whether it rises
  unsigned sinceMark_ = 0;
  bool climbing_ = false;
  double length_ = 1; ///< of steps, as a share of what the gap suggests
};

} // namespace of::search
