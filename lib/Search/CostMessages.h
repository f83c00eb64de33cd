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

class CostMessages {
public:
  CostMessages(const CostCore &core, uint64_t &work);

  /// Price of a byte in each row.
  void setPrices(const std::vector<double> &prices);

  /// Rounds to a choice.
  void forward(Choice &rounded);
  /// Returns the lower bound, without the core's constant.
  double backward();

  /// After backward(): costs under prices, shifted between nodes and edges so that they are as even
  /// as the messages make them; the sum of any choice is unchanged.
  void reparametrise(std::vector<double> &costs, std::vector<double> &tables) const;
  const std::vector<double> &priced() const { return priced_; }
  /// What the capacity is worth.
  double worth() const { return worth_; }

private:
  /// Messages from `node` over links [first, last); returns what was taken off them.
  double send(uint32_t node, const CoreLink *first, const CoreLink *last);
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
