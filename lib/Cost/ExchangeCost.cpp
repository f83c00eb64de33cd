#include "lib/Cost/ExchangeCost.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

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

/// Up to so many destinations are looked at one by one. Of more those of some hosts stand for all,
/// so many at least: each may hear from all others.
constexpr size_t mostExact = 64, leastSampled = 16;

/// Points of the destination that are looked at: all, or all those of some hosts.
std::vector<int64_t> sampleOf(const Cluster &cluster, const Placement &placement) {
  std::vector<int64_t> points(placement.devices.size());
  std::iota(points.begin(), points.end(), 0);
  if (points.size() <= mostExact)
    return points;
  std::vector<size_t> places(cluster.nodes.size(), 0); // of each host, from 1
  std::vector<std::vector<int64_t>> byHost;
  for (const int64_t point : points) {
    size_t &place = places[cluster.nodes[cluster.devices[placement.devices[point]].node].host];
    if (place == 0) {
      byHost.emplace_back();
      place = byHost.size();
    }
    byHost[place - 1].push_back(point);
  }
  const size_t perHost = points.size() / byHost.size(),
               hosts = std::min(byHost.size(), (leastSampled + perHost - 1) / perHost);
  points.clear();
  for (size_t i = 0; i < hosts; ++i) {
    const std::vector<int64_t> &host = byHost[i * byHost.size() / hosts];
    points.insert(points.end(), host.begin(), host.end());
  }
  return points;
}

/// Adds up the pieces of an exchange, in elements of the tensor. What a destination is given is
/// known of each that was looked at, and so is what devices of its host give it. Which devices of
/// other hosts give is chance where a sample stands for all destinations: all that could, share
/// what all destinations would be given.
class Tally {
public:
  /// Each destination that is looked at and receives something stands for `weight`.
  Tally(const Cluster &cluster, const Layout &src, double weight)
      : cluster(cluster), src(src), weight(weight), distance(distanceIn(cluster)),
        load(cluster.resources.size()), given(cluster.families.size() + 2),
        between(cluster.families.size() + 2) {}

  /// What this point of the destination receives, which is `device`.
  void add(const PreparedExchange &exchange, int64_t point, int64_t device) {
    const double launch = cluster.devices[device].launchSeconds;
    routes.clear();
    // The destination reads a piece and writes it; a reduction reads its own value too.
    int64_t through = 0;
    const int64_t filled = exchange.forEachSize(point, distance, [&](const PieceSize &piece) {
      through += piece.elements * (piece.first ? 2 : 3);
      if (piece.srcDevice == device)
        return;
      moved += piece.elements;
      pass(routeBetween(piece.srcDevice, device), piece, device);
    });
    for (const Route &route : routes) {
      latency = std::max(latency, launch + route.latency);
      if (route.reach == ClusterPath::Within::Cluster)
        networkLatency = std::max(networkLatency, route.latency);
    }
    through += filled;
    if (through == 0)
      return;
    latency = std::max(latency, launch);
    int64_t &most = memory[cluster.devices[device].bytesPerSecond];
    most = std::max(most, through);
  }

  ExchangeLoads loads(int64_t elements) const {
    ExchangeLoads out;
    out.cluster = &cluster;
    out.elements = elements;
    out.moved = std::llround(moved * weight);
    out.latency = latency;
    out.networkLatency = networkLatency;
    out.memory = memory;
    std::map<int64_t, std::vector<Use>> byFamily;
    std::map<int64_t, Messages> shares;
    for (size_t family = 0; family < given.size(); ++family)
      if (!given[family].empty()) {
        const auto &[members, first] = membersOf(family);
        shares[family] = {weight / members, given[family]};
        keep(byFamily[family], {first, between[family], {shares[family]}});
      }
    for (const int64_t resource : loaded) {
      const auto [family, isInward] = placeOf(resource);
      Use use{resource, between[family], {{1, load[resource]}}};
      if (const auto share = shares.find(family); share != shares.end() && !isInward)
        use.messages.push_back(share->second);
      keep(byFamily[family], std::move(use));
    }
    for (auto &[family, uses] : byFamily)
      out.uses.insert(out.uses.end(), uses.begin(), uses.end());
    return out;
  }

private:
  using Use = ExchangeLoads::Use;
  using Messages = ExchangeLoads::Messages;
  using Sizes = ExchangeLoads::Sizes;
  /// What sources of one kind at one distance pass to a destination. The two resources that stand
  /// in are families behind all others.
  struct Route {
    int64_t kind;
    ClusterPath::Within reach;
    std::vector<int64_t> families;
    double latency;
  };

  const Route &routeBetween(int64_t source, int64_t device) {
    const int64_t kind = cluster.paths.empty() ? 0 : cluster.endKind[source];
    const ClusterPath::Within reach = cluster.reach(source, device);
    for (const Route &route : routes)
      if (route.kind == kind && route.reach == reach)
        return route;
    Route route{kind, reach, {}, 0};
    for (const ClusterHop &hop : cluster.hops(source, device))
      if (hop.side != ClusterHop::Side::Destination) {
        route.families.push_back(placeOf(hop.resource).first);
        route.latency += cluster.resources[hop.resource].latencySeconds;
      }
    routes.push_back(std::move(route));
    return routes.back();
  }

  /// Its family, and whether it is what the second direction of a member passes.
  std::pair<int64_t, bool> placeOf(int64_t resource) const {
    const int64_t number = cluster.resources[resource].family;
    if (number < 0)
      return {cluster.families.size() + cluster.resources.size() - 1 - resource, false};
    const ResourceFamily &family = cluster.families[number];
    return {number, family.fullDuplex && (resource - family.first) % 2 == 1};
  }

  void pass(const Route &route, const PieceSize &piece, int64_t device) {
    const bool remote = route.reach == ClusterPath::Within::Cluster;
    for (const int64_t number : route.families) {
      if (remote)
        between[number] = true;
      if (number >= static_cast<int64_t>(cluster.families.size())) {
        leave(number, standIn(number), piece.elements, true);
        continue;
      }
      const ResourceFamily &family = cluster.families[number];
      const int64_t from = family.memberOf[piece.srcDevice], to = family.memberOf[device];
      const int64_t ways = family.fullDuplex ? 2 : 1;
      leave(number, family.first + from * ways, piece.elements,
            remote || family.scope == ResourceScope::Cluster);
      if (from != to)
        put(family.first + to * ways + ways - 1, piece.elements);
    }
  }

  /// What only devices of one host share is known of each host that is looked at; all else is not.
  void leave(int64_t family, int64_t resource, int64_t elements, bool isShared) {
    if (isShared && weight > 1)
      put(given[family], elements);
    else
      put(resource, elements);
  }

  int64_t standIn(int64_t family) const {
    return cluster.resources.size() - 1 - (family - cluster.families.size());
  }

  void put(int64_t resource, int64_t elements) {
    if (load[resource].empty())
      loaded.push_back(resource);
    put(load[resource], elements);
  }

  static void put(Sizes &sizes, int64_t elements) {
    for (auto &[size, count] : sizes)
      if (size == elements) {
        ++count;
        return;
      }
    sizes.push_back({elements, 1});
  }

  /// Members of a family that the sources have, and the first of them all.
  std::pair<int64_t, int64_t> membersOf(int64_t family) const {
    if (family >= static_cast<int64_t>(cluster.families.size()))
      return {1, standIn(family)};
    std::set<int64_t> members;
    for (int64_t device : src.placement.devices)
      members.insert(cluster.families[family].memberOf[device]);
    return {members.size(), cluster.families[family].first};
  }

  /// Adds a resource, unless another of its family carries as much; drops those that carry less.
  static void keep(std::vector<Use> &uses, Use use) {
    for (const Use &known : uses)
      if (isWithin(use, known))
        return;
    uses.erase(std::remove_if(uses.begin(), uses.end(),
                              [&](const Use &known) { return isWithin(known, use); }),
               uses.end());
    uses.push_back(std::move(use));
  }

  /// Whether the other carries each of its messages too.
  static bool isWithin(const Use &use, const Use &other) {
    return std::all_of(use.messages.begin(), use.messages.end(), [&](const Messages &a) {
      return std::any_of(other.messages.begin(), other.messages.end(), [&](const Messages &b) {
        return a.part == b.part && std::all_of(a.sizes.begin(), a.sizes.end(), [&](auto &size) {
                 return std::any_of(b.sizes.begin(), b.sizes.end(), [&](auto &otherSize) {
                   return otherSize.first == size.first && otherSize.second >= size.second;
                 });
               });
      });
    });
  }

  const Cluster &cluster;
  const Layout &src;
  const double weight;
  const DistanceFn distance;
  std::map<double, int64_t> memory; ///< most elements of a device, by its bytes per second
  std::vector<Sizes> load;          ///< by resource
  std::vector<int64_t> loaded;      ///< those with a load
  std::vector<Sizes> given;         ///< by family: through all members together
  int64_t moved = 0;
  double latency = 0, networkLatency = 0;
  std::vector<bool> between; ///< families that pieces between hosts pass
  std::vector<Route> routes; ///< to the destination that is looked at
};

} // namespace

ExchangeLoads exchangeLoads(const Cluster &cluster, const Shape &shape, const Layout &src,
                            const Layout &dst, KnownTerms *known) {
  const std::vector<int64_t> sample = sampleOf(cluster, dst.placement);
  const PreparedExchange exchange(shape, src, dst, known);
  // Where the destination is partial most may receive nothing; the first point does.
  const auto given = std::count_if(sample.begin(), sample.end(),
                                   [&](int64_t point) { return exchange.isGiven(point); });
  Tally tally(cluster, src, static_cast<double>(exchange.numGiven()) / given);
  for (const int64_t point : sample)
    tally.add(exchange, point, dst.placement.devices[point]);
  return tally.loads(elementsOf(shape));
}

// ---- For so many bytes

int64_t ExchangeLoads::bytesOf(int64_t part, int64_t bytes) const {
  return elements ? static_cast<int64_t>(static_cast<__int128>(part) * bytes / elements) : 0;
}

std::pair<double, double> ExchangeLoads::busiest(int64_t bytes) const {
  double device = 0, network = 0;
  for (auto &[bytesPerSecond, most] : memory)
    device = std::max(device, bytesOf(most, bytes) / bytesPerSecond);
  for (const Use &use : uses) {
    const ClusterResource &resource = cluster->resources[use.resource];
    double load = 0;
    for (const Messages &messages : use.messages) {
      double sum = 0;
      for (auto &[size, count] : messages.sizes)
        sum += resource.loadBytes(bytesOf(size, bytes)) * count;
      load += sum * messages.part;
    }
    double &most = use.isNetwork ? network : device;
    most = std::max(most, load / resource.bytesPerSecond);
  }
  return {network, device};
}

ExchangeCost ExchangeLoads::cost(int64_t bytes) const {
  int64_t busiestBytes = 0;
  for (auto &[bytesPerSecond, most] : memory)
    busiestBytes = std::max(busiestBytes, bytesOf(most, bytes));
  const auto [network, device] = busiest(bytes);
  return {latency + std::max(device, network), bytesOf(moved, bytes), busiestBytes};
}

ExchangeShares ExchangeLoads::shares(int64_t bytes) const {
  const auto [network, device] = busiest(bytes);
  return {{networkLatency, network}, {latency - networkLatency, device}};
}

static void addTensor(ExchangeShares::Part &part, const ExchangeShares::Part &other) {
  part.latency = std::max(part.latency, other.latency);
  part.bytes += other.bytes;
}

void ExchangeShares::add(const ExchangeShares &other) {
  addTensor(network, other.network);
  addTensor(device, other.device);
}

ExchangeCost exchangeCost(const Cluster &cluster, const Shape &shape, DType dtype,
                          const Layout &src, const Layout &dst) {
  return exchangeLoads(cluster, shape, src, dst).cost(elementsOf(shape) * sizeOf(dtype));
}

} // namespace of
