#include "lib/Cost/ExchangeShares.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

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

/// Who has a resource of a family at one end of a transfer; of the two that stand in, each is its
/// own family.
struct Crossing {
  int64_t family;
  ClusterHop::Side side;
  bool inward; ///< of a full-duplex member: the second of its two resources
  bool operator<(const Crossing &other) const {
    return std::tie(family, side, inward) < std::tie(other.family, other.side, other.inward);
  }
};

class Tally {
public:
  Tally(const Cluster &cluster, const Layout &src, const Layout &dst, bool sampled)
      : cluster(cluster), src(src), dst(dst), sampled(sampled) {}

  void add(const Piece &piece, int64_t bytes, int64_t weight) {
    // The destination reads the piece and writes it; a reduction reads its own value too.
    memory[piece.dstDevice] += bytes * (piece.first ? 2 : 3);
    latency = std::max(latency, cluster.devices[piece.dstDevice].launchSeconds);
    if (piece.srcDevice == piece.dstDevice)
      return;
    moved += bytes * weight;
    const bool remote = !cluster.sameHost(piece.srcDevice, piece.dstDevice);
    double along = 0;
    for (const ClusterHop &hop : cluster.hops(piece.srcDevice, piece.dstDevice)) {
      const ClusterResource &resource = cluster.resources[hop.resource];
      cross(hop, resource, resource.loadBytes(bytes) * weight, remote);
      if (hop.side != ClusterHop::Side::Destination)
        along += resource.latencySeconds;
    }
    latency = std::max(latency, cluster.devices[piece.dstDevice].launchSeconds + along);
    if (remote)
      networkLatency = std::max(networkLatency, along);
  }

  void fill(int64_t device, int64_t bytes) {
    memory[device] += bytes;
    latency = std::max(latency, cluster.devices[device].launchSeconds);
  }

  ExchangeCost total() const {
    int64_t busiestBytes = 0;
    for (auto &[id, bytes] : memory)
      busiestBytes = std::max(busiestBytes, bytes);
    const auto [network, device] = busiest();
    return {latency + std::max(device, network), moved, busiestBytes};
  }

  ExchangeShares shares() const {
    const auto [network, device] = busiest();
    return {networkLatency + network, latency - networkLatency + device};
  }

private:
  /// Seconds of the busiest thing between hosts, and of the busiest other.
  std::pair<double, double> busiest() const {
    double device = 0, network = 0;
    for (auto &[id, bytes] : memory)
      device = std::max(device, bytes / cluster.devices[id].bytesPerSecond);
    auto use = [&](int64_t resource, double bytes) {
      double &busiest = between.count(familyOf(resource)) ? network : device;
      busiest = std::max(busiest, bytes / cluster.resources[resource].bytesPerSecond);
    };
    for (auto &[resource, bytes] : load)
      use(resource, bytes);
    std::map<std::pair<int64_t, bool>, double> perMember;
    for (auto &[crossing, bytes] : crossings)
      perMember[{crossing.family, crossing.inward}] += bytes / membersAt(crossing);
    for (auto &[member, bytes] : perMember)
      use(cluster.families[member.first].first, bytes);
    return {network, device};
  }

  /// Those that stand in are families of their own.
  int64_t familyOf(int64_t resource) const {
    const int64_t family = cluster.resources[resource].family;
    return family >= 0 ? family : -1 - resource;
  }

  /// Where a sample stands for all destinations the members of a family share what the sample
  /// sends: which of them it happens to meet says nothing.
  void cross(const ClusterHop &hop, const ClusterResource &resource, double bytes, bool remote) {
    if (remote)
      between.insert(familyOf(hop.resource));
    if (!sampled || hop.side == ClusterHop::Side::Shared) {
      load[hop.resource] += bytes;
      return;
    }
    const ResourceFamily &family = cluster.families[resource.family];
    const bool inward = family.fullDuplex && (hop.resource - family.first) % 2 == 1;
    crossings[{resource.family, hop.side, inward}] += bytes;
  }

  /// Members of the family that the devices at that end have.
  int64_t membersAt(const Crossing &crossing) const {
    const bool atSource = crossing.side == ClusterHop::Side::Source;
    const std::vector<int64_t> &memberOf = cluster.families[crossing.family].memberOf;
    std::set<int64_t> members;
    for (int64_t device : (atSource ? src : dst).placement.devices)
      members.insert(memberOf[device]);
    return members.size();
  }

  const Cluster &cluster;
  const Layout &src, &dst;
  const bool sampled;
  std::map<int64_t, int64_t> memory;    ///< bytes by device
  std::map<int64_t, double> load;       ///< bytes by resource; whole, so that sums are exact
  std::map<Crossing, double> crossings; ///< bytes through all members together
  int64_t moved = 0;
  double latency = 0, networkLatency = 0;
  std::set<int64_t> between; ///< families that pieces between hosts pass
};

} // namespace

static Tally tallyOf(const Cluster &cluster, const Shape &shape, DType dtype, const Layout &src,
                     const Layout &dst) {
  DistanceFn distance = distanceIn(cluster);
  int64_t points = dst.placement.size(), stride = (points + mostSamples - 1) / mostSamples;
  Tally tally(cluster, src, dst, stride > 1);
  const PreparedExchange exchange(shape, src, dst);
  for (int64_t point = 0; point < points; point += stride) {
    int64_t weight = std::min(stride, points - point);
    ReceivePlan plan = exchange.receive(point, distance);
    if (plan.fillNeutral)
      tally.fill(dst.placement.devices[point], plan.box.elements() * sizeOf(dtype));
    for (const Piece &piece : plan.pieces)
      tally.add(piece, piece.region.elements() * sizeOf(dtype), weight);
  }
  return tally;
}

ExchangeCost exchangeCost(const Cluster &cluster, const Shape &shape, DType dtype,
                          const Layout &src, const Layout &dst) {
  return tallyOf(cluster, shape, dtype, src, dst).total();
}

ExchangeShares exchangeShares(const Cluster &cluster, const Shape &shape, DType dtype,
                              const Layout &src, const Layout &dst) {
  return tallyOf(cluster, shape, dtype, src, dst).shares();
}

} // namespace of
