// What copies between devices and the memory of their hosts cost.
//
// All devices that copy do so at once, each its own part, in one direction: what several of them
// pass (a switch over two cards, the memory of the host) they share. Directions are alike; a
// resource that is not duplex is loaded by both. Where no path of the cluster says what lies
// between a CPU and its host a copy is one within its memory. Pure functions, any thread.
#pragma once

#include "lib/Cost/Cluster.h"

namespace of {

/// Can the device copy to the memory of its host? A path says how, or it is a CPU.
bool reachesHost(const Cluster &cluster, int64_t device);

/// Seconds until a device has copied `bytes` one way while `copying` devices, itself among them, do
/// the same. It reaches its host.
double hostCopySeconds(const Cluster &cluster, int64_t device, int64_t bytes,
                       const std::vector<int64_t> &copying);

/// What passes in one direction must wait for what passes in the other.
bool sharesDirections(const Cluster &cluster, int64_t device);

} // namespace of
