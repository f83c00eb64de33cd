// Keys of cluster.yaml, the description read from it, and paths through it.
#include "lib/Cost/Cluster.h"

#include <algorithm>

namespace of {
using namespace config;

// ---- Keys
// ----------------------------------------------------------------------------------------------------------

static Key deviceKeys() {
  return object(
      "device", "Something that computes.",
      {text("kind", "cpu or cuda.").oneOf({"cpu", "cuda"}).required(),
       integer("threads", "cpu: worker threads it owns.").atLeast(1).otherwise("1"),
       text("isa", "cpu: instruction set that code is generated for.")
           .oneOf({"x86-64-v2", "x86-64-v3", "x86-64-v4"})
           .otherwise("x86-64-v3"),
       bytes("memory", "Memory a job may use on it; 0 for no limit.").otherwise("0"),
       number("gflops_f32", "GFLOP/s of a large fp32 matrix product.").above(0).otherwise("50"),
       number("gflops_f64", "GFLOP/s of a large fp64 matrix product.").above(0).otherwise("25"),
       number("memory_gb_per_s", "GB/s of its memory.").above(0).otherwise("10"),
       number("launch_us", "Microseconds of an empty kernel.").atLeast(0).otherwise("1")});
}

Key clusterKeys() {
  Key node =
      object("node", "A process of the job.",
             {text("name", "Name, as in messages and traces.").required(),
              text("host", "Machine it runs on; nodes of one host share memory. By default a "
                           "machine of its own, named as the node."),
              text("address", "host:port of its control socket, unless given at start."),
              bytes("memory", "Host memory the node may use; 0 for no limit.").otherwise("0"),
              list("devices", "Its devices.", deviceKeys()).required()});
  Key resource = object(
      "resource", "Something that data passes: a NIC, a switch, a bus.",
      {text("name", "Name.").required(), number("gb_per_s", "GB/s it carries.").above(0).required(),
       number("latency_us", "Microseconds a message takes through it.").atLeast(0).otherwise("0")});
  Key path =
      object("path", "What lies between two nodes, in both directions.",
             {text("from", "A node.").required(), text("to", "A node.").required(),
              list("over", "Resources that are passed.", text("", "A resource.")).required()});
  return object(
      "", "The machines a job runs on. `of-run probe` measures and writes it.",
      {list("nodes", "Nodes in order; devices are numbered through all of them.", node).required(),
       list("resources", "What data passes between nodes.", resource).otherwise("[]"),
       list("paths",
            "Which resources lie between which nodes. Without one, nodes of a host are joined by "
            "its "
            "memory (8 GB/s, 1 us) and others by a network (1 GB/s, 50 us).",
            path)
           .otherwise("[]")});
}

// ---- Reading
// -------------------------------------------------------------------------------------------------------

static ClusterDevice readDevice(const Node &node) {
  ClusterDevice out;
  out.kind = get(node, "kind").text;
  out.threads = integerOf(get(node, "threads"));
  out.isa = get(node, "isa").text;
  out.memoryBytes = bytesOf(get(node, "memory"));
  out.flopsF32 = numberOf(get(node, "gflops_f32")) * 1e9;
  out.flopsF64 = numberOf(get(node, "gflops_f64")) * 1e9;
  out.bytesPerSecond = numberOf(get(node, "memory_gb_per_s")) * 1e9;
  out.launchSeconds = numberOf(get(node, "launch_us")) * 1e-6;
  return out;
}

template <typename T> static int64_t indexOf(const std::vector<T> &list, const std::string &name) {
  auto it =
      std::find_if(list.begin(), list.end(), [&](const T &item) { return item.name == name; });
  return it == list.end() ? -1 : it - list.begin();
}

static void readNode(const Node &in, Cluster &out, Report &report) {
  ClusterNode node;
  node.name = get(in, "name").text;
  const Node *host = in.find("host"), *address = in.find("address");
  node.hostName = host ? host->text : node.name;
  node.address = address ? address->text : "";
  node.memoryBytes = bytesOf(get(in, "memory"));
  if (indexOf(out.nodes, node.name) >= 0)
    report.add(get(in, "name").at, "node name '" + node.name + "' is used twice");
  // Hosts are numbered by first appearance.
  int64_t hosts = 0;
  node.host = -1;
  for (const ClusterNode &other : out.nodes) {
    hosts = std::max(hosts, other.host + 1);
    if (other.hostName == node.hostName)
      node.host = other.host;
  }
  if (node.host < 0)
    node.host = hosts;
  int64_t id = out.nodes.size();
  out.nodes.push_back(node);
  for (const Node &device : get(in, "devices").items) {
    ClusterDevice made = readDevice(device);
    made.node = id;
    for (const ClusterDevice &other : out.devices)
      made.index += other.node == id && other.kind == made.kind;
    out.devices.push_back(made);
  }
  if (get(in, "devices").items.empty())
    report.add(get(in, "devices").at, "node '" + node.name + "' has no devices");
}

template <typename T>
static int64_t referTo(const Node &in, const std::vector<T> &list, const char *what,
                       Report &report) {
  int64_t index = indexOf(list, in.text);
  if (index >= 0)
    return index;
  std::vector<std::string> names;
  for (const T &item : list)
    names.push_back(item.name);
  report.add(in.at, std::string("there is no ") + what + " '" + in.text + "'" +
                        (names.empty() ? "; the list is empty" : "; known are " + listOf(names)));
  return 0;
}

Cluster readCluster(const Node &in, Report &report) {
  Cluster out;
  for (const Node &node : get(in, "nodes").items)
    readNode(node, out, report);
  if (out.nodes.empty())
    report.add(get(in, "nodes").at, "the cluster has no nodes");
  for (const Node &resource : get(in, "resources").items) {
    const Node &name = get(resource, "name");
    if (indexOf(out.resources, name.text) >= 0)
      report.add(name.at, "resource name '" + name.text + "' is used twice");
    out.resources.push_back({name.text, numberOf(get(resource, "gb_per_s")) * 1e9,
                             numberOf(get(resource, "latency_us")) * 1e-6});
  }
  for (const Node &path : get(in, "paths").items) {
    ClusterPath made;
    made.from = referTo(get(path, "from"), out.nodes, "node", report);
    made.to = referTo(get(path, "to"), out.nodes, "node", report);
    for (const Node &over : get(path, "over").items)
      made.over.push_back(referTo(over, out.resources, "resource", report));
    out.paths.push_back(made);
  }
  out.resources.push_back({"host memory", 8e9, 1e-6});
  out.resources.push_back({"network", 1e9, 50e-6});
  return out;
}

mlir::FailureOr<Cluster> clusterOf(mlir::ModuleOp module) {
  mlir::FailureOr<Node> node = treeOf(module, clusterAttrName, clusterKeys());
  if (mlir::failed(node))
    return mlir::failure();
  Report report(clusterAttrName.str());
  Cluster cluster = readCluster(*node, report);
  if (mlir::failed(emitReport(module, report)))
    return mlir::failure();
  return cluster;
}

// ---- Paths
// ---------------------------------------------------------------------------------------------------------

std::vector<int64_t> Cluster::path(int64_t fromDevice, int64_t toDevice) const {
  int64_t from = devices[fromDevice].node, to = devices[toDevice].node;
  if (from == to)
    return {};
  for (const ClusterPath &path : paths)
    if ((path.from == from && path.to == to) || (path.from == to && path.to == from))
      return path.over;
  int64_t last = resources.size() - 1;
  return {nodes[from].host == nodes[to].host ? last - 1 : last};
}

double Cluster::transferSeconds(int64_t bytes, int64_t fromDevice, int64_t toDevice) const {
  double latency = 0, slowest = 0;
  for (int64_t id : path(fromDevice, toDevice)) {
    latency += resources[id].latencySeconds;
    slowest = std::max(slowest, bytes / resources[id].bytesPerSecond);
  }
  return latency + slowest;
}

bool Cluster::sameHost(int64_t deviceA, int64_t deviceB) const {
  return nodes[devices[deviceA].node].host == nodes[devices[deviceB].node].host;
}

} // namespace of
