#include "lib/Search/CostSeek.h"

#include "lib/Search/CostReduction.h"
#include "lib/Search/CostSearch.h"

#include <algorithm>
#include <cmath>

namespace of::search {

namespace {

constexpr int kPrices = 14;     ///< networks that are solved at most
constexpr double kStep = 16;    ///< between prices until one fits and one does not
constexpr double kNarrow = 1.2; ///< prices nearer to each other are one
/// In parts of what makes the limit as dear as the bound: where bytes are dear enough to be what
/// counts first, and where they hardly count.
constexpr double kFirst = 1.0 / 16, kMost = 16, kLeast = 1e-6;
constexpr uint64_t kPasses = 40; ///< over the tables of a core

/// The fullest time of each span in which a choice exceeds the limit, ascending.
std::vector<int64_t> overflowing(const CostNetwork &network, const Choice &choice) {
  std::vector<int64_t> times;
  int64_t bytes = 0, most = 0;
  for (const auto &[time, change] : network.changes(choice)) {
    bytes += change;
    if (bytes <= *network.usageLimit) {
      most = 0;
      continue;
    }
    if (most == 0)
      times.push_back(time);
    if (bytes > most) {
      most = bytes;
      times.back() = time;
    }
  }
  return times;
}

class Seek {
public:
  Seek(const CostNetwork &network, const SeekTarget &target, uint64_t &work)
      : network_(network), priced_(network), target_(target), work_(work) {
    priced_.usageLimit.reset();
  }

  Sought run(const Choice &start) {
    addTimes(overflowing(network_, start));
    const double cost = target_.least != 0 ? std::abs(target_.least) : 1;
    const double unit = cost / std::max<double>(1, double(*network_.usageLimit));
    double low = 0, high = kForbidden, price = kFirst * unit;
    for (int tried = 0; tried < kPrices && work_ < target_.limit && !closed(); ++tried) {
      const std::optional<Choice> choice = solveAt(price);
      if (!choice)
        break;
      const std::vector<int64_t> over = overflowing(network_, *choice);
      if (over.empty()) {
        offer(*choice);
        high = price;
      } else if (!addTimes(over)) {
        low = price;
      } else {
        continue; // at the same price
      }
      price = low <= 0 ? high / kStep : high == kForbidden ? low * kStep : std::sqrt(low * high);
      if (high < low * kNarrow || price > kMost * unit || price < kLeast * unit)
        break;
    }
    return out_;
  }

private:
  bool closed() const {
    return out_.best &&
           cost_ - std::max(out_.bound, target_.least) <= target_.gap * std::abs(cost_);
  }

  /// False if all were there.
  bool addTimes(const std::vector<int64_t> &times) {
    const size_t before = times_.size();
    times_.insert(times_.end(), times.begin(), times.end());
    std::sort(times_.begin(), times_.end());
    times_.erase(std::unique(times_.begin(), times_.end()), times_.end());
    return times_.size() > before;
  }

  void offer(const Choice &choice) {
    const double cost = network_.cost(choice);
    if (out_.best && cost >= cost_)
      return;
    cost_ = cost;
    out_.best = choice;
  }

  /// The cheapest choice at a price, as far as it is found. Its bound, without what the limit is
  /// worth at all times, bounds what fits.
  std::optional<Choice> solveAt(double price) {
    for (size_t i = 0; i < network_.nodes.size(); ++i) {
      const CostNode &n = network_.nodes[i];
      const auto lives = std::lower_bound(times_.begin(), times_.end(), n.to) -
                         std::lower_bound(times_.begin(), times_.end(), n.from);
      for (size_t k = 0; k < n.usages.size(); ++k)
        priced_.nodes[i].costs[k] =
            n.costs[k] + (lives > 0 ? price * double(lives) * double(n.usages[k]) : 0);
    }
    CostReduction reduction(priced_, false, std::nullopt, work_);
    if (!reduction.run())
      return std::nullopt;
    const CostCore core = reduction.core();
    CostSearch search(core, work_);
    CoreTarget target;
    target.limit =
        std::min(target_.limit, work_ + kPasses * (core.tables.size() + core.costs.size()));
    target.gap = target_.gap;
    search.run(target);
    out_.bound = std::max(out_.bound, search.lowerBound() - price * double(times_.size()) *
                                                                double(*network_.usageLimit));
    if (!search.best())
      return std::nullopt;
    return reduction.expand(*search.best());
  }

  const CostNetwork &network_;
  CostNetwork priced_; ///< without a limit
  const SeekTarget &target_;
  uint64_t &work_;
  std::vector<int64_t> times_; ///< at which bytes have a price, ascending
  double cost_ = kForbidden;   ///< of the best
  Sought out_;
};

} // namespace

Sought seekFit(const CostNetwork &network, const Choice &start, const SeekTarget &target,
               uint64_t &work) {
  return Seek(network, target, work).run(start);
}

} // namespace of::search
