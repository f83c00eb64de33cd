// Measures this machine for the compiler.
//
// `probeCluster` writes a cluster.yaml that describes this host: its nodes and devices with
// measured rates. `probeScratch` answers what only this machine's libraries know: how many bytes of
// scratch a library call needs.
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <iosfwd>
#include <string>

namespace of::run {

struct ProbeOptions {
  std::string out = "cluster.yaml"; ///< "-": stdout
  uint32_t nodes = 1;               ///< processes on this host
  uint32_t devices = 1;             ///< CPU devices of each
  uint32_t threads = 0;             ///< of each device; 0: the cores dealt evenly
};

Status probeCluster(const ProbeOptions &options);

/// in:
/// [{"name":"matmul","dtype":"f32","ints":[1,64,64,64,0,0,4096,4096,4096],"floats":[],"tiles":2},
/// …] out: {"scratch": [0, …], "libraries": {"onednn": "2.6.3", …}}  bytes of each call, in order
Status probeScratch(std::istream &in, std::ostream &out);

} // namespace of::run
