// Sequential tree-reweighted message passing (TRW-S) on the core of a cost network, under prices.
//
//   forward    1 ──▶ 2 ──▶ 3        each node hears its neighbours, keeps its share and tells the
//   backward   1 ◀── 2 ◀── 3        later (earlier) ones what each of their options costs it
//
// What a backward pass takes off nodes and messages adds up to a lower bound of the priced cost;
// minus what the capacity of the rows is worth at these prices it bounds the cost of every choice
// that fits (Lagrange). A forward pass rounds on the way: each node takes what is best given its
// earlier neighbours' options and its later neighbours' messages.
// After V. Kolmogorov, Convergent Tree-Reweighted Message Passing for Energy Minimization, 2006.
// Owned by one caller.
#pragma once

#include "lib/Search/CostCore.h"

namespace of::search {

/// Costs under prices, shifted between nodes and edges: the same sum for every choice, no entry
/// below 0, and a constant that is the bound.
struct ShiftedCosts {
  double bound = 0; ///< without the core's constant; the worth of the capacity is off
  std::vector<double> costs, tables; ///< as in the core

  /// Moves what every pair of an option costs to the option.
  void project(const CostCore &core);
};

class CostMessages {
public:
  CostMessages(const CostCore &core, uint64_t &work);

  /// Price of a byte in each row.
  void setPrices(const std::vector<double> &prices);

  /// Rounds to a choice.
  void forward(Choice &rounded);
  /// Returns the lower bound, without the core's constant.
  double backward();

  /// A backward pass that keeps what it did not take off.
  ShiftedCosts shift();

private:
  /// Messages from `node` over links [first, last); returns what was taken off them.
  double send(uint32_t node, const CoreLink *first, const CoreLink *last,
              ShiftedCosts *shifted = nullptr);
  void keep(const CoreLink &link, uint32_t node, double least, ShiftedCosts &shifted) const;
  const CoreLink *firstLater(uint32_t node) const;

  const CostCore &core_;
  uint64_t &work_;
  std::vector<double> priced_; ///< costs of options under prices
  std::vector<double> messages_;
  std::vector<double> weights_; ///< share of a node's cost in each message
  std::vector<double> sum_, offer_;
  double worth_ = 0;
  double magnitude_ = 0; ///< of what the last bound added up, for its rounding error
};

} // namespace of::search
