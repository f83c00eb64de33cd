#include "lib/Cost/HostCost.h"

#include <algorithm>

namespace of {

bool reachesHost(const Cluster &cluster, int64_t device) {
  return cluster.devices[device].kind == "cpu" || !cluster.hopsToHost(device).empty();
}

double hostCopySeconds(const Cluster &cluster, int64_t device, int64_t bytes,
                       const std::vector<int64_t> &copying) {
  const ClusterDevice &self = cluster.devices[device];
  const std::vector<ClusterHop> over = cluster.hopsToHost(device);
  if (over.empty())
    return self.launchSeconds + 2 * self.memorySeconds(double(bytes), double(bytes));
  double latency = self.launchSeconds, slowest = self.memorySeconds(double(bytes), double(bytes));
  for (const ClusterHop &hop : over) {
    const auto passes = [&](int64_t other) {
      const std::vector<ClusterHop> hops = cluster.hopsToHost(other);
      return std::any_of(hops.begin(), hops.end(),
                         [&](const ClusterHop &o) { return o.resource == hop.resource; });
    };
    const auto sharers =
        std::max<int64_t>(1, std::count_if(copying.begin(), copying.end(), passes));
    const ClusterResource &resource = cluster.resources[hop.resource];
    latency += resource.latencySeconds;
    slowest = std::max(slowest, double(sharers) * resource.loadBytes(double(bytes)) /
                                    resource.bytesPerSecond);
  }
  return latency + slowest;
}

bool sharesDirections(const Cluster &cluster, int64_t device) {
  const std::vector<ClusterHop> over = cluster.hopsToHost(device);
  // The slowest decides.
  const auto slowest =
      std::min_element(over.begin(), over.end(), [&](const ClusterHop &a, const ClusterHop &b) {
        return cluster.resources[a.resource].bytesPerSecond <
               cluster.resources[b.resource].bytesPerSecond;
      });
  if (slowest == over.end())
    return true;
  const int64_t family = cluster.resources[slowest->resource].family;
  return family < 0 || !cluster.families[family].fullDuplex;
}

} // namespace of
