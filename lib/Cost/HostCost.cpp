#include "lib/Cost/HostCost.h"

#include <algorithm>

namespace of {

bool reachesHost(const Cluster &cluster, int64_t device) {
  return cluster.devices[device].kind == "cpu" || !cluster.hopsToHost(device).empty();
}

HostPath::HostPath(const Cluster &cluster, int64_t device, const std::vector<int64_t> &copying)
    : cluster(&cluster), device(device), latency(cluster.devices[device].launchSeconds) {
  for (const ClusterHop &hop : cluster.hopsToHost(device)) {
    shared.push_back({hop.resource, 0});
    latency += cluster.resources[hop.resource].latencySeconds;
  }
  for (const int64_t other : copying)
    for (const ClusterHop &hop : cluster.hopsToHost(other))
      for (auto &[resource, devices] : shared)
        devices += resource == hop.resource;
}

double HostPath::seconds(int64_t bytes) const {
  const ClusterDevice &self = cluster->devices[device];
  const double pass = self.memorySeconds(double(bytes), double(bytes));
  if (shared.empty()) // read and written in one memory
    return latency + 2 * pass;
  double slowest = pass;
  for (const auto &[index, devices] : shared) {
    const ClusterResource &resource = cluster->resources[index];
    slowest = std::max(slowest, double(std::max<int64_t>(devices, 1)) *
                                    resource.loadBytes(double(bytes)) / resource.bytesPerSecond);
  }
  return latency + slowest;
}

} // namespace of
