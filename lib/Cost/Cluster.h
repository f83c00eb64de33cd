// The cluster: nodes, their devices, and the resources that data passes between them
// (cluster.yaml).
//
// Devices are numbered in the order of the file: these ids are the ones in meshes and in the plan.
// Resources (a NIC, a switch, a memory bus) and the paths over them are one small graph that cost,
// routing and simulation share. `of-run probe` writes the measured numbers; what is not given has a
// stated default. Plain values, any thread.
#pragma once

#include "lib/Config/Attributes.h"
#include "runtime/base/DType.h"

#include <array>

namespace of {

struct ClusterNode {
  std::string name;
  std::string hostName;
  int64_t host = 0;        ///< nodes of equal host share memory
  std::string address;     ///< host:port of its control socket; empty: given at start
  int64_t memoryBytes = 0; ///< host memory a node may use; 0: not limited
};

/// How fast one kind of kernel computes. Large kernels reach `flops`; a kernel with few results
/// leaves units idle, one with a short inner sum spends its time on operands:
///   seconds = work / flops * (1 + halfOutputs / results) * (1 + halfDepth / depth)
struct ComputeRate {
  std::string routine; ///< a library routine, or "generated"; empty: any
  /// Operations per second by DType; 0: as the device's rate for any routine.
  std::array<double, 9> flops{};
  double halfOutputs = 0, halfDepth = 0;
  double unaligned = 1;    ///< part of a 16-bit rate left when a row is no multiple of 16 bytes
  double startSeconds = 0; ///< of each product of a batch, or each fold of a row, whatever its size
};

struct ClusterDevice {
  int64_t node = 0;
  std::string kind;                  ///< "cpu", "cuda"
  int64_t index = 0;                 ///< of its kind within the node
  int64_t threads = 1;               ///< workers a CPU device owns
  std::string isa;                   ///< code is generated for it
  int64_t memoryBytes = 0;           ///< 0: not limited
  double flopsF32 = 0, flopsF64 = 0; ///< per second, of a large matrix product
  double bytesPerSecond = 0;         ///< of its memory
  /// (bytes that a kernel works on, bytes per second), ascending: caches hold them.
  std::vector<std::pair<double, double>> memoryBySize = {};
  double launchSeconds = 0;   ///< fixed time of one kernel
  double dispatchSeconds = 0; ///< the host's time to issue a kernel; it runs ahead
  double crowding = 1;        ///< kernels take so much longer while the whole host works
  double overlapSlowdown = 1; ///< ... while an exchange of the device is under way
  ComputeRate any;            ///< rates of kernels that `routines` does not name
  std::vector<ComputeRate> routines;

  const ComputeRate &rateOf(std::string_view routine) const;
  /// Seconds to move so many bytes to and from memory, or a cache that holds `among` bytes.
  double memorySeconds(double bytes, double among) const;
};

/// Who has one of a resource: all together, each host, each node, or each few devices of a node.
enum class ResourceScope : uint8_t { Cluster, Host, Node, Device };

/// Something that data passes and that is busy meanwhile.
struct ClusterResource {
  std::string name;
  double bytesPerSecond = 0, latencySeconds = 0;
  /// (bytes of one transfer, bytes per second), ascending: smaller transfers are slower. Empty:
  /// all as `bytesPerSecond`.
  std::vector<std::pair<double, double>> bySize = {};
  int64_t family = -1;       ///< entry of Cluster::families; -1: one of the two that stand in
  double messageSeconds = 0; ///< it is busy so long with each message, apart from its bytes

  /// Bytes at the full rate that take as long as one message of `bytes`, rounded to whole ones so
  /// that sums in any order are alike.
  double loadBytes(double bytes) const;
};

/// An entry of `resources` in the file; its members follow one another in Cluster::resources.
struct ResourceFamily {
  ResourceScope scope = ResourceScope::Cluster;
  bool fullDuplex = false; ///< each member is two resources: out, then in
  int64_t first = 0;
  std::vector<int64_t> memberOf; ///< by device
};

/// What lies between devices whose names match, in both directions.
struct ClusterPath {
  std::vector<int64_t> over; ///< families
  enum class Within : uint8_t { Any, Node, Host, Cluster } within = Within::Any;
};

/// A resource that a transfer passes, and at whose end it lies.
struct ClusterHop {
  enum class Side : uint8_t { Shared, Source, Destination };
  int64_t resource = 0;
  Side side = Side::Shared;
};

struct Cluster {
  std::vector<ClusterNode> nodes;
  std::vector<ClusterDevice> devices;
  /// The last two are those that stand in where no path is given: memory of a host, and a network.
  std::vector<ClusterResource> resources;
  std::vector<ResourceFamily> families;
  std::vector<ClusterPath> paths;
  /// Ends are the devices, then the memory of each node, then the disk of each. Those whose names
  /// match the ends of the same paths are alike: kind of each end, and of each kind the paths,
  /// ascending, that may begin and end there.
  std::vector<int64_t> endKind;
  std::vector<std::vector<int64_t>> pathsFrom, pathsTo;

  /// What a transfer between two devices passes, in order: the first path of the file that fits.
  /// None on one device, nor on one node unless a path says otherwise.
  std::vector<ClusterHop> hops(int64_t fromDevice, int64_t toDevice) const;
  /// The same, appended.
  void addHops(int64_t fromDevice, int64_t toDevice, std::vector<ClusterHop> &out) const;
  /// What bytes pass between a device and the memory, or the disk, of its node. None where no path
  /// says so.
  std::vector<ClusterHop> hopsToHost(int64_t device) const;
  std::vector<ClusterHop> hopsToDisk(int64_t device) const;
  /// The same between devices as resources alone.
  std::vector<int64_t> path(int64_t fromDevice, int64_t toDevice) const;
  /// Seconds of one transfer when nothing else is under way: latencies plus bytes at the slowest
  /// resource.
  double transferSeconds(int64_t bytes, int64_t fromDevice, int64_t toDevice) const;
  bool sameHost(int64_t deviceA, int64_t deviceB) const;
  /// Seconds of one transfer over these.
  double transferSeconds(int64_t bytes, const std::vector<ClusterHop> &over) const;
  /// Whether they compute alike; not what lies around them.
  bool areAlike(int64_t deviceA, int64_t deviceB) const;
  /// Numbers that two lists of devices share if they are alike place by place: what the devices
  /// are, which of them are one, share a node, a host or a resource, and which paths lead to them.
  /// What is computed on them or moves between them then takes as long.
  std::vector<int64_t> signatureOf(const std::vector<int64_t> &devices) const;
  /// The least memory of these devices; none if no device says.
  std::optional<int64_t> leastMemory(const std::vector<int64_t> &devices) const;
  /// "n0.cuda3", as paths name it.
  std::string nameOf(int64_t device) const;

  /// Whether a transfer between two devices stays on their node or host.
  ClusterPath::Within reach(int64_t fromDevice, int64_t toDevice) const;
  /// The first path of the file that fits two ends, or -1. Those of the same kinds have the same.
  int64_t pathBetween(int64_t endA, int64_t endB, ClusterPath::Within within) const;

private:
  std::vector<ClusterHop> hopsToEnd(int64_t device, int64_t end) const;
};

/// The keys of cluster.yaml.
config::Key clusterKeys();

/// The cluster in a tree that `config::complete` accepted. Contradictions are reported; then the
/// result must not be used.
Cluster readCluster(const config::Node &completed, config::Report &report);

/// The cluster a module is compiled for; emits an error at the module if there is none or it is
/// wrong.
mlir::FailureOr<Cluster> clusterOf(mlir::ModuleOp module);

} // namespace of
