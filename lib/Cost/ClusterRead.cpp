// The cluster in a checked cluster.yaml.
#include "lib/Cost/Cluster.h"
#include "lib/Cost/Pattern.h"
#include "lib/Cost/Profile.h"

#include <algorithm>
#include <map>

namespace of {
using namespace config;

// ---- Nodes and devices --------------------------------------------------------------------------

static void readFlops(const Node &in, const char *key, DType dtype, ComputeRate &out) {
  if (const Node *value = in.find(key))
    out.flops[static_cast<size_t>(dtype)] = numberOf(*value) * 1e9;
}

/// `base` gives the shape of what the node leaves out; rates are looked up when they are needed.
static ComputeRate readRate(const Node &in, const ComputeRate &base) {
  ComputeRate out = base;
  out.flops = {};
  auto readShape = [&](const char *key, double &value) {
    if (const Node *given = in.find(key))
      value = numberOf(*given);
  };
  readFlops(in, "gflops_f32", DType::F32, out);
  readFlops(in, "gflops_f64", DType::F64, out);
  readFlops(in, "gflops_f16", DType::F16, out);
  readFlops(in, "gflops_bf16", DType::BF16, out);
  readShape("half_outputs", out.halfOutputs);
  readShape("half_depth", out.halfDepth);
  readShape("unaligned", out.unaligned);
  if (const Node *given = in.find("start_us"))
    out.startSeconds = numberOf(*given) * 1e-6;
  return out;
}

static std::vector<std::pair<double, double>> readSizes(const Node &in, const char *key,
                                                        Report &report) {
  std::vector<std::pair<double, double>> out;
  for (const Node &item : get(in, key).items) {
    const double bytes = bytesOf(get(item, "bytes"));
    if (!out.empty() && bytes <= out.back().first)
      report.add(get(item, "bytes").at, "'bytes' is not above the size before it; list sizes "
                                        "ascending");
    out.emplace_back(bytes, numberOf(get(item, "gb_per_s")) * 1e9);
  }
  return out;
}

static ClusterDevice readDevice(const Node &node, Report &report) {
  ClusterDevice out;
  out.kind = get(node, "kind").text;
  out.threads = integerOf(get(node, "threads"));
  out.isa = get(node, "isa").text;
  out.memoryBytes = bytesOf(get(node, "memory"));
  out.any = readRate(node, {});
  out.flopsF32 = out.any.flops[static_cast<size_t>(DType::F32)];
  out.flopsF64 = out.any.flops[static_cast<size_t>(DType::F64)];
  if (const Node *routines = node.find("routines"))
    for (const Node &item : routines->items) {
      out.routines.push_back(readRate(item, out.any));
      out.routines.back().routine = item.key;
    }
  out.bytesPerSecond = numberOf(get(node, "memory_gb_per_s")) * 1e9;
  out.memoryBySize = readSizes(node, "memory_sizes", report);
  out.launchSeconds = numberOf(get(node, "launch_us")) * 1e-6;
  out.dispatchSeconds = numberOf(get(node, "dispatch_us")) * 1e-6;
  out.crowding = numberOf(get(node, "crowding"));
  out.overlapSlowdown = numberOf(get(node, "overlap_slowdown"));
  return out;
}

static void addDevices(const Node &in, int64_t node, Cluster &out, Report &report) {
  std::map<std::string, int64_t> ofKind;
  for (const Node &item : get(in, "devices").items) {
    ClusterDevice device = readDevice(item, report);
    device.node = node;
    for (int64_t i = 0; i < integerOf(get(item, "count")); ++i) {
      device.index = ofKind[device.kind]++;
      out.devices.push_back(device);
    }
  }
}

namespace {

/// Numbers hosts by first appearance.
struct HostNumbers {
  std::map<std::string, int64_t> byName;
  int64_t of(const std::string &name) { return byName.emplace(name, byName.size()).first->second; }
};

} // namespace

static void readNode(const Node &in, std::map<std::string, int64_t> &byName, HostNumbers &hosts,
                     Cluster &out, Report &report) {
  const Node *host = in.find("host"), *address = in.find("address"), *count = in.find("count");
  const std::string &name = get(in, "name").text;
  const int64_t copies = count ? integerOf(*count) : 1;
  if (copies > 1 && address)
    report.add(address->at, "'address' is given for " + std::to_string(copies) +
                                " nodes; list them one by one, or give addresses at start");
  if (get(in, "devices").items.empty())
    report.add(get(in, "devices").at, "node '" + name + "' has no devices");
  for (int64_t i = 0; i < copies; ++i) {
    ClusterNode node;
    node.name = count ? name + std::to_string(i) : name;
    node.hostName = host ? host->text : node.name;
    node.host = hosts.of(node.hostName);
    node.address = address ? address->text : "";
    node.memoryBytes = bytesOf(get(in, "memory"));
    if (!byName.emplace(node.name, out.nodes.size()).second)
      report.add(get(in, "name").at, "node name '" + node.name + "' is used twice");
    out.nodes.push_back(node);
    addDevices(in, out.nodes.size() - 1, out, report);
  }
}

/// While a host has one device, nobody crowds it.
static void dropCrowdingOfLoneDevices(Cluster &cluster) {
  std::vector<int64_t> devices(cluster.nodes.size(), 0);
  auto hostOf = [&](const ClusterDevice &device) { return cluster.nodes[device.node].host; };
  for (const ClusterDevice &device : cluster.devices)
    ++devices[hostOf(device)];
  for (ClusterDevice &device : cluster.devices)
    if (devices[hostOf(device)] == 1)
      device.crowding = 1;
}

// ---- Resources ----------------------------------------------------------------------------------

static std::vector<int64_t> membersOf(ResourceScope scope, int64_t sharedBy,
                                      const Cluster &cluster) {
  std::vector<int64_t> out;
  int64_t next = -1, node = -1, inNode = 0;
  for (const ClusterDevice &device : cluster.devices) {
    inNode = device.node == node ? inNode + 1 : 0;
    node = device.node;
    if (scope == ResourceScope::Device && inNode % sharedBy == 0)
      ++next;
    out.push_back(scope == ResourceScope::Cluster ? 0
                  : scope == ResourceScope::Host  ? cluster.nodes[node].host
                  : scope == ResourceScope::Node  ? node
                                                  : next);
  }
  return out;
}

static void readResource(const Node &in, Cluster &out, Report &report) {
  static const std::pair<const char *, ResourceScope> scopes[] = {
      {"cluster", ResourceScope::Cluster},
      {"host", ResourceScope::Host},
      {"node", ResourceScope::Node},
      {"device", ResourceScope::Device}};
  ResourceFamily family;
  for (auto [word, scope] : scopes)
    if (get(in, "per").text == word)
      family.scope = scope;
  const int64_t sharedBy = integerOf(get(in, "shared_by"));
  if (sharedBy > 1 && family.scope != ResourceScope::Device)
    report.add(get(in, "shared_by").at,
               "'shared_by' counts devices: it needs 'per: device', not 'per: " +
                   get(in, "per").text + "'");
  family.fullDuplex = get(in, "duplex").text == "full";
  family.first = out.resources.size();
  family.memberOf = membersOf(family.scope, sharedBy, out);
  ClusterResource made{get(in, "name").text,
                       numberOf(get(in, "gb_per_s")) * 1e9,
                       numberOf(get(in, "latency_us")) * 1e-6,
                       readSizes(in, "sizes", report),
                       static_cast<int64_t>(out.families.size()),
                       numberOf(get(in, "message_us")) * 1e-6};
  int64_t members = 0;
  for (int64_t member : family.memberOf)
    members = std::max(members, member + 1);
  for (int64_t i = 0; i < members * (family.fullDuplex ? 2 : 1); ++i)
    out.resources.push_back(made);
  out.families.push_back(std::move(family));
}

// ---- Paths --------------------------------------------------------------------------------------

static std::string listOfNames(const std::vector<std::string> &names) {
  return names.empty() ? "; the list is empty" : "; known are " + listOf(names);
}

static ClusterPath readPath(const Node &in, const std::vector<std::string> &families,
                            Report &report) {
  ClusterPath made;
  if (const Node *within = in.find("within"))
    made.within = within->text == "node"   ? ClusterPath::Within::Node
                  : within->text == "host" ? ClusterPath::Within::Host
                                           : ClusterPath::Within::Cluster;
  for (const Node &over : get(in, "over").items) {
    auto it = std::find(families.begin(), families.end(), over.text);
    if (it == families.end())
      report.add(over.at, "there is no resource '" + over.text + "'" + listOfNames(families));
    else
      made.over.push_back(it - families.begin());
  }
  return made;
}

namespace {

/// An end that a path may name.
struct End {
  std::string name; ///< n0.cuda3, n0.host, n0.disk
  std::string node; ///< whose name stands for it too; none for memory and disk
};

} // namespace

static std::vector<End> endsOf(const Cluster &cluster) {
  std::vector<End> out;
  for (size_t d = 0; d < cluster.devices.size(); ++d)
    out.push_back({cluster.nameOf(d), cluster.nodes[cluster.devices[d].node].name});
  for (const char *suffix : {".host", ".disk"})
    for (const ClusterNode &node : cluster.nodes)
      out.push_back({node.name + suffix, ""});
  return out;
}

/// Memory and disk are meant only where they are named: `n*` is every device.
static bool matchesEnd(const std::string &pattern, const End &end) {
  if (!end.node.empty())
    return matchesPattern(pattern, end.node) || matchesPattern(pattern, end.name);
  const size_t suffix = end.name.rfind('.');
  return pattern.size() > 5 &&
         pattern.compare(pattern.size() - 5, 5, end.name, suffix, std::string::npos) == 0 &&
         matchesPattern(pattern, end.name);
}

/// Which ends a path names; with a complaint if there are none.
static std::vector<bool> matchesOf(const Node &in, const std::vector<End> &ends,
                                   const Cluster &cluster, Report &report) {
  std::vector<bool> out(ends.size(), false);
  std::string error = patternError(in.text);
  bool any = false;
  for (size_t e = 0; error.empty() && e < ends.size(); ++e)
    any |= out[e] = matchesEnd(in.text, ends[e]);
  if (!error.empty()) {
    report.add(in.at, error);
  } else if (!any) {
    std::vector<std::string> names;
    for (size_t n = 0; n < cluster.nodes.size() && n < 8; ++n)
      names.push_back(cluster.nodes[n].name);
    report.add(in.at, "there is no node '" + in.text + "'" + listOfNames(names) +
                          (cluster.nodes.size() > 8 ? ", ..." : ""));
  }
  return out;
}

static void readPaths(const Node &list, const std::vector<std::string> &families, Cluster &out,
                      Report &report) {
  const std::vector<End> ends = endsOf(out);
  std::vector<std::vector<int64_t>> from(ends.size()), to(ends.size());
  for (const Node &item : list.items) {
    const int64_t id = out.paths.size();
    out.paths.push_back(readPath(item, families, report));
    const std::vector<bool> begins = matchesOf(get(item, "from"), ends, out, report),
                            finishes = matchesOf(get(item, "to"), ends, out, report);
    for (size_t e = 0; e < ends.size(); ++e) {
      if (begins[e])
        from[e].push_back(id);
      if (finishes[e])
        to[e].push_back(id);
    }
  }
  std::map<std::pair<std::vector<int64_t>, std::vector<int64_t>>, int64_t> kinds;
  for (size_t e = 0; e < ends.size(); ++e) {
    auto [it, isNew] = kinds.try_emplace({from[e], to[e]}, out.pathsFrom.size());
    if (isNew) {
      out.pathsFrom.push_back(from[e]);
      out.pathsTo.push_back(to[e]);
    }
    out.endKind.push_back(it->second);
  }
}

// Where paths join some machines they join all: else an exchange would be priced over a network
// that the file does not have.
static void checkReach(const Node &list, const Cluster &cluster, Report &report) {
  struct Apart {
    int64_t a = 0, b = 0;
  };
  std::optional<Apart> joined, apart;
  std::map<int64_t, std::vector<int64_t>> ofKind; ///< of each two devices on different hosts
  for (int64_t d = 0; d < int64_t(cluster.devices.size()); ++d) {
    std::vector<int64_t> &some = ofKind[cluster.endKind[d]];
    if (some.empty() || (some.size() == 1 && !cluster.sameHost(some[0], d)))
      some.push_back(d);
  }
  for (const auto &[kind, some] : ofKind)
    for (const auto &[otherKind, others] : ofKind)
      for (int64_t a : some)
        for (int64_t b : others)
          if (!cluster.sameHost(a, b)) {
            const std::vector<int64_t> over = cluster.path(a, b);
            const bool isStandIn =
                over.size() == 1 && over[0] + 1 == int64_t(cluster.resources.size());
            std::optional<Apart> &first = isStandIn ? apart : joined;
            if (!first)
              first = Apart{a, b};
          }
  if (joined && apart)
    report.add(list.at, "'" + cluster.nameOf(apart->a) + "' cannot reach '" +
                            cluster.nameOf(apart->b) + "': the paths join '" +
                            cluster.nameOf(joined->a) + "' with '" + cluster.nameOf(joined->b) +
                            "' but not these; add a path between them");
}

// ---- All of it ----------------------------------------------------------------------------------

Cluster readCluster(const Node &in, Report &report) {
  Cluster out;
  std::map<std::string, int64_t> byName;
  HostNumbers hosts;
  for (const Node &node : get(in, "nodes").items)
    readNode(node, byName, hosts, out, report);
  if (out.nodes.empty())
    report.add(get(in, "nodes").at, "the cluster has no nodes");
  dropCrowdingOfLoneDevices(out);
  std::vector<std::string> families;
  for (const Node &resource : get(in, "resources").items) {
    const Node &name = get(resource, "name");
    if (std::find(families.begin(), families.end(), name.text) != families.end())
      report.add(name.at, "resource name '" + name.text + "' is used twice");
    families.push_back(name.text);
    readResource(resource, out, report);
  }
  readPaths(get(in, "paths"), families, out, report);
  out.resources.push_back({"host memory", 8e9, 1e-6, {}, -1, 0.2e-6});
  out.resources.push_back({"network", 1e9, 50e-6, {}, -1, 1e-6});
  if (report.clean())
    checkReach(get(in, "paths"), out, report);
  return out;
}

mlir::FailureOr<Cluster> givenClusterOf(mlir::ModuleOp module) {
  mlir::FailureOr<Node> node = treeOf(module, clusterAttrName, clusterKeys());
  if (mlir::failed(node))
    return mlir::failure();
  Report report(clusterAttrName.str());
  Cluster cluster = readCluster(*node, report);
  if (mlir::failed(emitReport(module, report)))
    return mlir::failure();
  return cluster;
}

mlir::FailureOr<Cluster> clusterOf(mlir::ModuleOp module) {
  mlir::FailureOr<Cluster> cluster = givenClusterOf(module);
  mlir::FailureOr<std::optional<Profile>> profile = profileOf(module);
  if (mlir::failed(cluster) || mlir::failed(profile))
    return mlir::failure();
  if (*profile)
    correctLinks(*cluster, **profile);
  return cluster;
}

} // namespace of
