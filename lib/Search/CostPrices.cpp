#include "lib/Search/CostPrices.h"

#include <algorithm>

namespace of::search {

CostPrices::CostPrices(const CostCore &core) : core_(core), prices_(core.rows(), 0) {
  for (int64_t bytes : core.capacity)
    limit_ = std::max(limit_, double(bytes));
}

void CostPrices::update(const std::vector<int64_t> &used, double scale, bool feasible) {
  const double step = 0.02 * scale / limit_ / std::max(1.0, double(core_.rows()) / 200);
  const double fade = 1.0 / (1.0 + updates_++ / 50.0);
  for (size_t row = 0; row < prices_.size(); ++row) {
    const double over = double(used[row] - core_.capacity[row]) / limit_;
    double &price = prices_[row];
    if (over > 0)
      price = price * (1 + fade * std::min(0.3, 0.05 + over)) +
              fade * step * std::min(1.0, over + 0.01);
    else if (over < -0.01)
      price *= 1 - fade * (feasible ? 0.05 : 0.015);
    else
      price *= 0.999;
  }
}

} // namespace of::search
