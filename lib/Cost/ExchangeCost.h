// What one exchange costs: every destination device reads its pieces from their sources at once.
//
// The pieces are those the runtime will move (runtime/base/Exchange.h). Seconds are the latency of
// the slowest path plus the time of the busiest thing: a resource that pieces cross, or the memory
// of a device that copies or reduces them. On large meshes a fixed sample of destinations stands
// for all of them. Pure functions, any thread.
#pragma once

#include "lib/Cost/Cluster.h"
#include "runtime/base/Exchange.h"

namespace of {

struct ExchangeCost {
  double seconds = 0;
  int64_t bytesMoved = 0;   ///< between different devices
  int64_t busiestBytes = 0; ///< through the memory of the device that has most to do
};

ExchangeCost exchangeCost(const Cluster &cluster, const Shape &shape, DType dtype,
                          const Layout &src, const Layout &dst);

/// How far apart two devices of the cluster are.
DistanceFn distanceIn(const Cluster &cluster);

} // namespace of
