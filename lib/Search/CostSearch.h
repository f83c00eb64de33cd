// Searches one core: bound and round under moving prices, then exactly if it is small, else block
// by block.
//
//   prices ─▶ messages ─▶ bound          best bound, with its prices
//     ▲          └──────▶ rounded ─▶ repair, polish ─▶ best choice
//     └── bytes used ◀────────┘
//
// Owned by one caller; thread-compatible.
#pragma once

#include "lib/Search/CostMessages.h"
#include "lib/Search/CostPrices.h"
#include "lib/Search/CostState.h"

namespace of::search {

struct CoreTarget {
  uint64_t limit = 0;          ///< of the work counter
  double gap = 0;              ///< relative
  double known = kForbidden;   ///< cost of a choice known elsewhere, with the constant
  std::optional<Choice> start; ///< of the core
  uint64_t seed = 1;
  bool boundFirst = false; ///< no more work on choices than the bound needs
};

class CostSearch {
public:
  CostSearch(const CostCore &core, uint64_t &work);

  void run(const CoreTarget &target);

  /// The best choice that fits, cheaper than the one known elsewhere.
  const std::optional<Choice> &best() const { return best_; }
  /// The last choice seen, where none fits.
  const Choice &closest() const { return closest_; }
  /// With the constant. kForbidden if nothing fits.
  double lowerBound() const { return bound_; }
  /// Costs at the prices of the best bound. An option costs at least the bound, its own costs above
  /// the least of each other node's included.
  ShiftedCosts shifted();

private:
  void offer(const CostState &state);
  void round(const Choice &rounded);
  void boundPhase(unsigned rounds, uint64_t limit);
  void exactPhase(uint64_t limit);
  void improvePhase(uint64_t limit);
  bool done() const;
  /// Upper bound for prices to be relative to.
  double scale() const;

  const CostCore &core_;
  uint64_t &work_;
  CoreTarget target_;
  CostMessages messages_;
  CostPrices prices_;
  CostState state_;
  std::optional<Choice> best_;
  Choice closest_;
  double bestCost_ = kForbidden; ///< with the constant, known elsewhere or best_
  double bound_ = -kForbidden;
  double most_ = kForbidden; ///< no choice costs more, with the constant
  unsigned rounds_ = 0;      ///< of messages so far
};

} // namespace of::search
