// What copies between devices and the memory of their hosts cost.
//
// All devices that copy do so at once, each its own part, in one direction: what several of them
// pass (a switch over two cards, the memory of the host) they share. Directions are alike. Where no
// path of the cluster says what lies between a CPU and its host a copy is one within its memory.
// Pure functions, any thread.
#pragma once

#include "lib/Cost/Cluster.h"

namespace of {

/// Can the device copy to the memory of its host? A path says how, or it is a CPU.
bool reachesHost(const Cluster &cluster, int64_t device);

/// What lies between a device and its host while others copy too. Borrows the cluster.
class HostPath {
public:
  /// `copying`: all devices that copy at once. The device is one that reaches its host.
  HostPath(const Cluster &cluster, int64_t device, const std::vector<int64_t> &copying);

  /// Until so many bytes have passed one way.
  double seconds(int64_t bytes) const;

private:
  const Cluster *cluster;
  int64_t device;
  std::vector<std::pair<int64_t, int64_t>> shared; ///< resources, and how many devices pass each
  double latency = 0;
};

} // namespace of
