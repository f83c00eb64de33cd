#include "lib/Cost/ExchangeCost.h"

#include <algorithm>
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

/// Destinations that are looked at one by one; of more every n-th stands for n. Each may hear from
/// all others, so of very many fewer are looked at.
constexpr int64_t mostSamples = 16, manyDestinations = 128, mostOfMany = 4;

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

/// Adds up the pieces of an exchange, in elements of the tensor.
class Tally {
public:
  Tally(const Cluster &cluster, const Layout &src, const Layout &dst, bool sampled)
      : cluster(cluster), src(src), dst(dst), sampled(sampled) {}

  /// A piece that reaches `device`, which stands for so many.
  void add(const PieceSize &piece, int64_t device, int64_t weight) {
    // The destination reads the piece and writes it; a reduction reads its own value too.
    memory[device] += piece.elements * (piece.first ? 2 : 3);
    latency = std::max(latency, cluster.devices[device].launchSeconds);
    if (piece.srcDevice == device)
      return;
    moved += piece.elements * weight;
    const bool remote = !cluster.sameHost(piece.srcDevice, device);
    double along = 0;
    passed.clear();
    cluster.addHops(piece.srcDevice, device, passed);
    for (const ClusterHop &hop : passed) {
      cross(hop, piece.elements, weight, remote);
      if (hop.side != ClusterHop::Side::Destination)
        along += cluster.resources[hop.resource].latencySeconds;
    }
    latency = std::max(latency, cluster.devices[device].launchSeconds + along);
    if (remote)
      networkLatency = std::max(networkLatency, along);
  }

  void fill(int64_t device, int64_t elements) {
    memory[device] += elements;
    latency = std::max(latency, cluster.devices[device].launchSeconds);
  }

  ExchangeLoads loads(int64_t elements) const {
    ExchangeLoads out;
    out.cluster = &cluster;
    out.elements = elements;
    out.moved = moved;
    out.latency = latency;
    out.networkLatency = networkLatency;
    for (auto &[device, most] : memory) {
      int64_t &known = out.memory[cluster.devices[device].bytesPerSecond];
      known = std::max(known, most);
    }
    std::set<std::pair<int64_t, std::vector<ExchangeLoads::Messages>>> known;
    auto use = [&](int64_t resource, std::vector<ExchangeLoads::Messages> messages) {
      const int64_t family = familyOf(resource);
      if (known.insert({family, messages}).second)
        out.uses.push_back({resource, between.count(family) > 0, std::move(messages)});
    };
    for (auto &[resource, sizes] : load)
      use(resource, {{1, sizes}});
    std::map<std::pair<int64_t, bool>, std::vector<ExchangeLoads::Messages>> perMember;
    for (auto &[crossing, sizes] : crossings)
      perMember[{crossing.family, crossing.inward}].push_back({membersAt(crossing), sizes});
    for (auto &[member, messages] : perMember)
      use(cluster.families[member.first].first, std::move(messages));
    return out;
  }

private:
  /// Those that stand in are families of their own.
  int64_t familyOf(int64_t resource) const {
    const int64_t family = cluster.resources[resource].family;
    return family >= 0 ? family : -1 - resource;
  }

  /// Where a sample stands for all destinations the members of a family share what the sample
  /// sends: which of them it happens to meet says nothing.
  void cross(const ClusterHop &hop, int64_t elements, int64_t weight, bool remote) {
    const int64_t number = cluster.resources[hop.resource].family;
    if (remote)
      between.insert(familyOf(hop.resource));
    if (!sampled || hop.side == ClusterHop::Side::Shared) {
      load[hop.resource][elements] += weight;
      return;
    }
    const ResourceFamily &family = cluster.families[number];
    const bool inward = family.fullDuplex && (hop.resource - family.first) % 2 == 1;
    crossings[{number, hop.side, inward}][elements] += weight;
  }

  /// Members of the family that the devices at that end have.
  int64_t membersAt(const Crossing &crossing) const {
    const bool atSource = crossing.side == ClusterHop::Side::Source;
    const std::vector<int64_t> &memberOf = cluster.families[crossing.family].memberOf;
    std::vector<int64_t> members;
    for (int64_t device : (atSource ? src : dst).placement.devices)
      members.push_back(memberOf[device]);
    std::sort(members.begin(), members.end());
    return std::unique(members.begin(), members.end()) - members.begin();
  }

  using Sizes = std::map<int64_t, int64_t>; ///< messages by their elements

  const Cluster &cluster;
  const Layout &src, &dst;
  const bool sampled;
  std::map<int64_t, int64_t> memory;   ///< elements by device
  std::map<int64_t, Sizes> load;       ///< by resource
  std::map<Crossing, Sizes> crossings; ///< through all members together
  int64_t moved = 0;
  double latency = 0, networkLatency = 0;
  std::set<int64_t> between;      ///< families that pieces between hosts pass
  std::vector<ClusterHop> passed; ///< by one piece
};

} // namespace

ExchangeLoads exchangeLoads(const Cluster &cluster, const Shape &shape, const Layout &src,
                            const Layout &dst, KnownTerms *known) {
  DistanceFn distance = distanceIn(cluster);
  const int64_t points = dst.placement.size();
  const int64_t samples = points < manyDestinations ? mostSamples : mostOfMany;
  const int64_t stride = (points + samples - 1) / samples;
  Tally tally(cluster, src, dst, stride > 1);
  const PreparedExchange exchange(shape, src, dst, known);
  for (int64_t point = 0; point < points; point += stride) {
    const int64_t weight = std::min(stride, points - point), device = dst.placement.devices[point];
    const int64_t filled = exchange.forEachSize(
        point, distance, [&](const PieceSize &piece) { tally.add(piece, device, weight); });
    if (filled > 0)
      tally.fill(device, filled);
  }
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
      load += sum / messages.members;
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
