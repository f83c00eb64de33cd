// Which part of an exchange passes between hosts and which part devices work for: the network moves
// pieces while devices compute, copying and reducing take their time. Twin of ExchangeCost.h, from
// the same pieces. Pure functions, any thread.
#pragma once

#include "lib/Cost/ExchangeCost.h"

namespace of {

/// The seconds of ExchangeCost are about the longer of both.
struct ExchangeShares {
  double networkSeconds = 0; ///< latency and bytes between hosts
  double deviceSeconds = 0;  ///< the rest
};

ExchangeShares exchangeShares(const Cluster &cluster, const Shape &shape, DType dtype,
                              const Layout &src, const Layout &dst);

} // namespace of
