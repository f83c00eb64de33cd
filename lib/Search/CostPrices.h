// Prices of bytes: what a byte in each row costs while the core is solved under prices.
//
// A row above its capacity gets dearer, one below it cheaper, the farther away and the earlier the
// more: a subgradient of the bound that also multiplies, so that prices of any order of magnitude
// are reached. Owned by one caller.
#pragma once

#include "lib/Search/CostCore.h"

namespace of::search {

class CostPrices {
public:
  explicit CostPrices(const CostCore &core);

  const std::vector<double> &prices() const { return prices_; }
  /// `used`: bytes of a choice that is good under the present prices; `scale`: what all rows
  /// together may be worth; `feasible`: whether a choice that fits is known.
  void update(const std::vector<int64_t> &used, double scale, bool feasible);

private:
  const CostCore &core_;
  std::vector<double> prices_;
  double limit_ = 1; ///< bytes that a price is relative to
  unsigned updates_ = 0;
};

} // namespace of::search
