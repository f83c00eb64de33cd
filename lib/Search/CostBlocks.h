// Improves a choice of the core block by block: the nodes of a tree are chosen anew together, all
// others stay.
//
//        o───o                 A block grows from a node over neighbours that have one link into
//        it, │       ┊             so its links inside form a tree: the best options follow from
//        one
//    o───●───o───●┄┄           pass up and one down (min-sum), with the other nodes' options fixed
//        │       ┊             and bytes priced. If rows overflow their prices rise and it is tried
//        o───o───●             again; what fits and costs less stays.
//
// Owned by one caller.
#pragma once

#include "lib/Search/CostState.h"

#include <random>

namespace of::search {

class CostBlocks {
public:
  CostBlocks(const CostCore &core, CostState &state, uint64_t seed, uint64_t &work);

  /// `state` fits before and after. True if it became cheaper, or as cheap with bytes worth less.
  bool improve(uint32_t root, size_t size, std::vector<double> prices);

  uint64_t random() { return random_(); }

private:
  struct Member {
    uint32_t node = 0;
    uint32_t parent = 0;            ///< place in the block; the root is its own
    const CoreLink *link = nullptr; ///< to the parent
    uint32_t before = 0;            ///< option it had
    size_t first = 0;               ///< of its entries in costs_ and best_
  };

  void grow(uint32_t root, size_t size);
  const CoreLink *onlyLink(uint32_t node) const;
  void visitNeighbours(uint32_t place, size_t size);
  void solve(const std::vector<double> &prices);
  void price(Member &member);
  void tellParent(const Member &member);
  double worth(const std::vector<double> &prices);
  double cost() const;
  void restore();

  const CostCore &core_;
  CostState &state_;
  uint64_t &work_;
  std::mt19937_64 random_;
  std::vector<Member> block_;
  std::vector<uint32_t> place_; ///< of each node in the block; UINT32_MAX outside
  std::vector<double> costs_;   ///< of the members' options, with what lies below them
  std::vector<uint32_t> best_;  ///< option of a member for each option of its parent
  std::vector<double> before_;  ///< sums of prices
};

} // namespace of::search
