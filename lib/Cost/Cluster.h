// The cluster: nodes, their devices, and the resources that data passes between them
// (cluster.yaml).
//
// Devices are numbered in the order of the file: these ids are the ones in meshes and in the plan.
// Resources (a NIC, a switch, a memory bus) and the paths over them are one small graph that cost,
// routing and simulation share. `of-run probe` writes the measured numbers; what is not given has a
// stated default. Plain values, any thread.
#pragma once

#include "lib/Config/Attributes.h"

namespace of {

struct ClusterNode {
  std::string name;
  std::string hostName;
  int64_t host = 0;        ///< nodes of equal host share memory
  std::string address;     ///< host:port of its control socket; empty: given at start
  int64_t memoryBytes = 0; ///< host memory a node may use; 0: not limited
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
  double launchSeconds = 0;          ///< fixed time of one kernel
};

/// Something that data passes and that is busy meanwhile.
struct ClusterResource {
  std::string name;
  double bytesPerSecond = 0, latencySeconds = 0;
};

/// The resources between two nodes, in both directions.
struct ClusterPath {
  int64_t from = 0, to = 0;
  std::vector<int64_t> over;
};

struct Cluster {
  std::vector<ClusterNode> nodes;
  std::vector<ClusterDevice> devices;
  /// The last two are those that stand in where no path is given: memory of a host, and a network.
  std::vector<ClusterResource> resources;
  std::vector<ClusterPath> paths;

  /// Resources a transfer between two devices takes, in order; none on one node.
  std::vector<int64_t> path(int64_t fromDevice, int64_t toDevice) const;
  /// Seconds of one transfer when nothing else is under way: latencies plus bytes at the slowest
  /// resource.
  double transferSeconds(int64_t bytes, int64_t fromDevice, int64_t toDevice) const;
  bool sameHost(int64_t deviceA, int64_t deviceB) const;
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
