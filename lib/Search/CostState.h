// A choice of the core with the bytes it uses in each row, and moves of single nodes.
//
// Forbidden pairs count as `penalty`, so that a choice can pass through them. Owned by one caller.
#pragma once

#include "lib/Search/CostCore.h"

namespace of::search {

class CostState {
public:
  CostState(const CostCore &core, uint64_t &work);

  void reset(const Choice &choice);
  void move(uint32_t node, uint32_t option);

  const Choice &choice() const { return choice_; }
  /// Without the core's constant; forbidden pairs count as penalty.
  double cost() const;
  double penalty() const { return penalty_; }
  /// Of a choice that fits; kForbidden otherwise.
  double feasibleCost() const;

  /// out[k]: cost of option k of `node` with its edges, as its neighbours are.
  void localCosts(uint32_t node, double *out) const;
  bool fits() const { return overRows_ == 0; }
  /// Whether no row that `node` touches would exceed its capacity.
  bool fitsWith(uint32_t node, uint32_t option) const;
  const std::vector<int64_t> &used() const { return used_; }
  uint32_t mostOptions() const { return mostOptions_; }

private:
  const CostCore &core_;
  uint64_t &work_;
  double penalty_ = 1;
  uint32_t mostOptions_ = 1;
  Choice choice_;
  std::vector<int64_t> used_;
  int64_t overRows_ = 0; ///< rows above their capacity
};

} // namespace of::search
