#include "lib/Search/CostPrices.h"

#include <algorithm>
#include <cmath>

namespace of::search {

namespace {

constexpr unsigned kLook = 60;     ///< updates between two looks at the bound while growing
constexpr double kRising = 5e-4;   ///< relative rise between looks that is worth going on
constexpr unsigned kPatience = 10; ///< updates without a better bound before steps get shorter
constexpr double kShorten = 0.7;

} // namespace

CostPrices::CostPrices(const CostCore &core)
    : core_(core), prices_(core.rows(), 0), bestPrices_(core.rows(), 0) {
  for (int64_t bytes : core.capacity)
    limit_ = std::max(limit_, double(bytes));
}

void CostPrices::keepBest(double bound) {
  if (bound <= bestBound_)
    return;
  bestBound_ = bound;
  bestPrices_ = prices_;
}

void CostPrices::update(const PriceReport &report) {
  keepBest(report.bound);
  ++sinceMark_;
  if (climbing_)
    return climb(report);
  grow(report);
  if (sinceMark_ < kLook)
    return;
  const bool rising = bestBound_ > markBound_ + kRising * std::abs(bestBound_);
  climbing_ = !rising && report.best < kForbidden;
  markBound_ = bestBound_;
  sinceMark_ = 0;
  if (climbing_)
    prices_ = bestPrices_;
}

void CostPrices::grow(const PriceReport &report) {
  const bool feasible = report.best < kForbidden;
  const double step = 0.02 * report.scale / limit_ / std::max(1.0, double(core_.rows()) / 200);
  const double fade = 1.0 / (1.0 + updates_++ / 50.0);
  for (size_t row = 0; row < prices_.size(); ++row) {
    const double over = double((*report.used)[row] - core_.capacity[row]) / limit_;
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

void CostPrices::climb(const PriceReport &report) {
  if (bestBound_ > markBound_ + 0.01 * (report.best - bestBound_)) {
    markBound_ = bestBound_;
    sinceMark_ = 0;
  } else if (sinceMark_ >= kPatience) {
    length_ *= kShorten;
    sinceMark_ = 0;
    prices_ = bestPrices_;
    return;
  }
  double square = 0;
  const auto slope = [&](size_t row) {
    const double over = double((*report.used)[row] - core_.capacity[row]) / limit_;
    return over < 0 && prices_[row] <= 0 ? 0 : over;
  };
  for (size_t row = 0; row < prices_.size(); ++row)
    square += slope(row) * slope(row);
  if (square <= 0)
    return;
  const double step = length_ * std::max(0.0, report.best - report.bound) / square / limit_;
  for (size_t row = 0; row < prices_.size(); ++row)
    prices_[row] = std::max(0.0, prices_[row] + step * slope(row));
}

} // namespace of::search
