// Time as the solvers of a cost network see it: only rows at which a set of live nodes is maximal.
//
//   nodes   ├──a──┤                 The limit holds everywhere iff it holds at each row: just
//   before
//               ├────b────┤         a node ends, if a node began since the last end.
//                       ├──c──┤
//   rows          0       1   (2: c alone is part of row 1, so it is none)
//
// Rows at which even the largest options fit are left out. Plain values.
#pragma once

#include "lib/Search/CostNetwork.h"

namespace of::search {

/// Rows [lo, hi).
struct RowRange {
  uint32_t lo = 0, hi = 0;
  bool empty() const { return lo >= hi; }
};

struct CostRows {
  std::vector<RowRange> ofNode;
  std::vector<int64_t> times; ///< a time of each row, ascending

  uint32_t count() const { return uint32_t(times.size()); }
};

/// `allowed[i][k]`: whether option k of node i can still be taken. No rows without a limit.
CostRows rowsOf(const CostNetwork &network, const std::vector<std::vector<char>> &allowed);

} // namespace of::search
