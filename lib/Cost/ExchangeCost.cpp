#include "lib/Cost/ExchangeCost.h"

#include <algorithm>
#include <map>

namespace of {

DistanceFn distanceIn(const Cluster &cluster) {
  return [&cluster](int64_t a, int64_t b) {
    if (a == b)
      return Distance::SameDevice;
    if (cluster.devices[a].node == cluster.devices[b].node)
      return Distance::SameNode;
    return cluster.sameHost(a, b) ? Distance::SameHost : Distance::Remote;
  };
}

namespace {

/// Destinations that are looked at one by one; beyond it every n-th stands for n.
constexpr int64_t mostSamples = 16;

class Tally {
public:
  explicit Tally(const Cluster &cluster) : cluster(cluster) {}

  void add(const Piece &piece, int64_t bytes, int64_t weight) {
    // The destination reads the piece and writes it; a reduction reads its own value too.
    memory[piece.dstDevice] += bytes * (piece.first ? 2 : 3);
    latency = std::max(latency, cluster.devices[piece.dstDevice].launchSeconds);
    if (piece.srcDevice == piece.dstDevice)
      return;
    moved += bytes * weight;
    double along = cluster.devices[piece.dstDevice].launchSeconds;
    for (int64_t resource : cluster.path(piece.srcDevice, piece.dstDevice)) {
      crossing[resource] += bytes * weight;
      along += cluster.resources[resource].latencySeconds;
    }
    latency = std::max(latency, along);
  }

  void fill(int64_t device, int64_t bytes) {
    memory[device] += bytes;
    latency = std::max(latency, cluster.devices[device].launchSeconds);
  }

  ExchangeCost total() const {
    double busiest = 0;
    int64_t busiestBytes = 0;
    for (auto &[device, bytes] : memory) {
      busiestBytes = std::max(busiestBytes, bytes);
      busiest = std::max(busiest, bytes / cluster.devices[device].bytesPerSecond);
    }
    for (auto &[resource, bytes] : crossing)
      busiest = std::max(busiest, bytes / cluster.resources[resource].bytesPerSecond);
    return {latency + busiest, moved, busiestBytes};
  }

private:
  const Cluster &cluster;
  std::map<int64_t, int64_t> memory, crossing; ///< bytes by device, by resource
  int64_t moved = 0;
  double latency = 0;
};

} // namespace

ExchangeCost exchangeCost(const Cluster &cluster, const Shape &shape, DType dtype,
                          const Layout &src, const Layout &dst) {
  DistanceFn distance = distanceIn(cluster);
  Tally tally(cluster);
  int64_t points = dst.placement.size(), stride = (points + mostSamples - 1) / mostSamples;
  for (int64_t point = 0; point < points; point += stride) {
    int64_t weight = std::min(stride, points - point);
    ReceivePlan plan = receivePlan(shape, src, dst, point, distance);
    if (plan.fillNeutral)
      tally.fill(dst.placement.devices[point], plan.box.elements() * sizeOf(dtype));
    for (const Piece &piece : plan.pieces)
      tally.add(piece, piece.region.elements() * sizeOf(dtype), weight);
  }
  return tally.total();
}

} // namespace of
