// Exact search on a small core: depth-first, bounded by shifted costs.
//
// Costs under prices are first shifted between nodes and edges (ShiftedCosts), so that the search
// starts at the bound of message passing. Assigning a node adds a row of
// each of its tables to its neighbours. The node with the fewest options below the best known cost
// is assigned next, its cheapest option first. An option that leaves fewer bytes than the least
// that the other nodes can do with is none. Exhaustion proves the best choice optimal, or that
// nothing fits. Owned by one caller.
#pragma once

#include "lib/Search/CostMessages.h"

namespace of::search {

class CostExact {
public:
  CostExact(const CostCore &core, ShiftedCosts shifted, uint64_t &work);

  /// Searches for choices that cost less than `below`, at most until work is `limit`. True if it
  /// was exhausted: nothing costs less than `best()`, or than `below` if none was found.
  bool run(double below, uint64_t limit);
  const std::optional<Choice> &best() const { return best_; }

private:
  struct Saved {
    uint32_t node;
    double least;
    size_t costs; ///< in savedCosts_
  };

  void search();
  void leaf();
  void listOptions(uint32_t node);
  int64_t leastBytes(const CoreDemand &demand, const std::vector<uint32_t> &options) const;
  void sumNeeds();
  bool dropLarge(uint32_t node);
  std::optional<uint32_t> pick();
  void use(uint32_t node, uint32_t option, int64_t sign);
  void assign(uint32_t node, uint32_t option);
  void undo(size_t saved);
  double cutoff() const;

  const CostCore &core_;
  uint64_t &work_;
  std::vector<double> costs_, tables_; ///< shifted; grow by the assigned neighbours
  std::vector<double> least_;          ///< of each node's costs
  double bound_ = 0;                   ///< with the least of every node not assigned
  std::vector<char> assigned_;
  std::vector<int64_t> used_, needed_; ///< of each row; needed_: with the least of all others
  std::vector<Saved> saved_;
  std::vector<double> savedCosts_;
  uint32_t left_ = 0;
  Choice choice_;
  std::vector<std::vector<uint32_t>> open_; ///< options of nodes that are not assigned
  std::optional<Choice> best_;
  double bestCost_ = kForbidden;
  uint64_t limit_ = 0;
  bool gaveUp_ = false;
};

} // namespace of::search
