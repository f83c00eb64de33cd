// Paths through a cluster, and what single devices and resources do.
#include "lib/Cost/Cluster.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace of {

const ComputeRate &ClusterDevice::rateOf(std::string_view routine) const {
  for (const ComputeRate &rate : routines)
    if (rate.routine == routine)
      return rate;
  return any;
}

/// Between two sizes the rate changes evenly with the order of magnitude; `beyond` the last.
static double rateAt(const std::vector<std::pair<double, double>> &bySize, double bytes,
                     double beyond) {
  const auto above = std::lower_bound(bySize.begin(), bySize.end(), std::pair(bytes, 0.0));
  if (above == bySize.end())
    return beyond;
  if (above == bySize.begin())
    return above->second;
  const auto below = std::prev(above);
  const double part = std::log(bytes / below->first) / std::log(above->first / below->first);
  return below->second + part * (above->second - below->second);
}

double ClusterDevice::memorySeconds(double bytes, double among) const {
  return bytes / rateAt(memoryBySize, among, bytesPerSecond);
}

std::optional<int64_t> Cluster::leastMemory(const std::vector<int64_t> &devices) const {
  std::optional<int64_t> least;
  for (int64_t device : devices)
    if (const int64_t bytes = this->devices[device].memoryBytes)
      least = std::min(least.value_or(bytes), bytes);
  return least;
}

static bool areAlike(const ComputeRate &l, const ComputeRate &r) {
  return l.routine == r.routine && l.flops == r.flops && l.halfOutputs == r.halfOutputs &&
         l.halfDepth == r.halfDepth && l.unaligned == r.unaligned &&
         l.startSeconds == r.startSeconds;
}

static bool areAlike(const ClusterDevice &l, const ClusterDevice &r) {
  const auto figures = [](const ClusterDevice &d) {
    return std::tie(d.kind, d.threads, d.isa, d.memoryBytes, d.flopsF32, d.flopsF64,
                    d.bytesPerSecond, d.memoryBySize, d.launchSeconds, d.dispatchSeconds,
                    d.crowding, d.overlapSlowdown);
  };
  return figures(l) == figures(r) && areAlike(l.any, r.any) &&
         std::equal(l.routines.begin(), l.routines.end(), r.routines.begin(), r.routines.end(),
                    [](const ComputeRate &a, const ComputeRate &b) { return areAlike(a, b); });
}

bool Cluster::areAlike(int64_t deviceA, int64_t deviceB) const {
  return of::areAlike(devices[deviceA], devices[deviceB]);
}

std::vector<int64_t> Cluster::signatureOf(const std::vector<int64_t> &list) const {
  std::vector<int64_t> out;
  std::map<std::pair<size_t, int64_t>, int64_t>
      known; ///< by aspect; numbers in order of appearance
  size_t aspect = 0;
  auto number = [&](int64_t of) {
    out.push_back(known.try_emplace({aspect++, of}, known.size()).first->second);
  };
  for (const int64_t device : list) {
    aspect = 0;
    int64_t like = 0;
    while (!areAlike(like, device))
      ++like;
    out.push_back(like);
    out.push_back(paths.empty() ? 0 : endKind[device]);
    number(device);
    number(devices[device].node);
    number(nodes[devices[device].node].host);
    for (const ResourceFamily &family : families)
      number(family.memberOf[device]);
  }
  return out;
}

double ClusterResource::loadBytes(double bytes) const {
  const double rate = rateAt(bySize, bytes, bySize.empty() ? bytesPerSecond : bySize.back().second);
  return std::round((bytes / rate + messageSeconds) * bytesPerSecond);
}

/// The least element of both ascending lists, or -1.
static int64_t firstCommon(const std::vector<int64_t> &a, const std::vector<int64_t> &b,
                           const std::vector<ClusterPath> &paths, ClusterPath::Within within) {
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    if (*i < *j) {
      ++i;
    } else if (*j < *i) {
      ++j;
    } else {
      const ClusterPath::Within holds = paths[*i].within;
      if (holds == within || holds == ClusterPath::Within::Any)
        return *i;
      ++i, ++j;
    }
  }
  return -1;
}

static void addFamily(const ResourceFamily &family, int64_t from, int64_t to,
                      std::vector<ClusterHop> &out) {
  using Side = ClusterHop::Side;
  const int64_t a = family.memberOf[from], b = family.memberOf[to], way = family.fullDuplex ? 2 : 1;
  const bool shared = family.scope == ResourceScope::Cluster;
  out.push_back({family.first + a * way, shared ? Side::Shared : Side::Source});
  if (a != b)
    out.push_back({family.first + b * way + way - 1, Side::Destination});
}

int64_t Cluster::pathBetween(int64_t endA, int64_t endB, ClusterPath::Within within) const {
  if (paths.empty())
    return -1;
  const int64_t a = endKind[endA], b = endKind[endB];
  const int64_t ahead = firstCommon(pathsFrom[a], pathsTo[b], paths, within),
                back = firstCommon(pathsFrom[b], pathsTo[a], paths, within);
  return ahead < 0 ? back : back < 0 ? ahead : std::min(ahead, back);
}

std::vector<ClusterHop> Cluster::hops(int64_t fromDevice, int64_t toDevice) const {
  std::vector<ClusterHop> out;
  addHops(fromDevice, toDevice, out);
  return out;
}

ClusterPath::Within Cluster::reach(int64_t fromDevice, int64_t toDevice) const {
  using Within = ClusterPath::Within;
  const int64_t from = devices[fromDevice].node, to = devices[toDevice].node;
  return from == to                           ? Within::Node
         : nodes[from].host == nodes[to].host ? Within::Host
                                              : Within::Cluster;
}

void Cluster::addHops(int64_t fromDevice, int64_t toDevice, std::vector<ClusterHop> &out) const {
  using Within = ClusterPath::Within;
  if (fromDevice == toDevice)
    return;
  const Within within = reach(fromDevice, toDevice);
  const int64_t path = pathBetween(fromDevice, toDevice, within);
  const int64_t last = resources.size() - 1;
  if (path >= 0)
    for (int64_t family : paths[path].over)
      addFamily(families[family], fromDevice, toDevice, out);
  else if (within != Within::Node)
    out.push_back({within == Within::Host ? last - 1 : last, ClusterHop::Side::Shared});
}

std::vector<ClusterHop> Cluster::hopsToEnd(int64_t device, int64_t end) const {
  std::vector<ClusterHop> out;
  const int64_t path = pathBetween(device, end, ClusterPath::Within::Node);
  if (path >= 0)
    for (int64_t family : paths[path].over)
      addFamily(families[family], device, device, out);
  return out;
}

std::vector<ClusterHop> Cluster::hopsToHost(int64_t device) const {
  return hopsToEnd(device, devices.size() + devices[device].node);
}

std::vector<ClusterHop> Cluster::hopsToDisk(int64_t device) const {
  return hopsToEnd(device, devices.size() + nodes.size() + devices[device].node);
}

std::vector<int64_t> Cluster::path(int64_t fromDevice, int64_t toDevice) const {
  std::vector<int64_t> out;
  for (const ClusterHop &hop : hops(fromDevice, toDevice))
    out.push_back(hop.resource);
  return out;
}

double Cluster::transferSeconds(int64_t bytes, const std::vector<ClusterHop> &over) const {
  double latency = 0, slowest = 0;
  for (const ClusterHop &hop : over) {
    // What both ends have one of is started once.
    if (hop.side != ClusterHop::Side::Destination)
      latency += resources[hop.resource].latencySeconds;
    slowest = std::max(slowest, resources[hop.resource].loadBytes(bytes) /
                                    resources[hop.resource].bytesPerSecond);
  }
  return latency + slowest;
}

double Cluster::transferSeconds(int64_t bytes, int64_t fromDevice, int64_t toDevice) const {
  return transferSeconds(bytes, hops(fromDevice, toDevice));
}

bool Cluster::sameHost(int64_t deviceA, int64_t deviceB) const {
  return nodes[devices[deviceA].node].host == nodes[devices[deviceB].node].host;
}

std::string Cluster::nameOf(int64_t device) const {
  const ClusterDevice &d = devices[device];
  return nodes[d.node].name + "." + d.kind + std::to_string(d.index);
}

} // namespace of
