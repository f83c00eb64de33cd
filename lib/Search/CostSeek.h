// Choices that fit, found by paying for bytes.
//
// At every time at which cheap choices overflow a byte costs the same price, and the network with
// these costs is solved as if there were no limit: it reduces much further than one whose rows
// must fit, and what is found takes nothing forbidden (Lagrangian relaxation with one multiplier).
// The price is bisected; what overflows elsewhere adds times. Pure function of its arguments; work
// is counted.
#pragma once

#include "lib/Search/CostNetwork.h"

namespace of::search {

struct SeekTarget {
  uint64_t limit = 0; ///< of the work counter
  double gap = 0;     ///< relative; of each priced network
  double least = 0;   ///< bound of the costs
};

struct Sought {
  std::optional<Choice> best; ///< the cheapest seen that fits
  double bound = -kForbidden; ///< no choice of the network that fits costs less
};

/// `network` has a limit; `start` is a cheap choice that exceeds it.
Sought seekFit(const CostNetwork &network, const Choice &start, const SeekTarget &target,
               uint64_t &work);

} // namespace of::search
