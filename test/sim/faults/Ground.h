// What a run with faults stands on: a plan, its tables, the values of a right run, and what it
// offers to faults.
#pragma once

#include "runtime/actor/Build.h"
#include "test/sim/faults/Fault.h"
#include "test/sim/faults/Values.h"

#include <memory>

namespace of::test {

struct EdgeKeyHash {
  size_t operator()(const rt::EdgeKey &key) const {
    return (size_t(key.exchange) * 4096 + key.srcDevice) * 4096 + key.dstDevice;
  }
};

struct Ground {
  struct Worker {
    uint32_t node = 0, device = 0, number = 0;
    const rt::WorkerTables *tables = nullptr;
    const rt::ProgramTable *table = nullptr; ///< of the one program
  };
  struct End {
    uint32_t worker = 0, edge = 0;
  };

  std::vector<uint8_t> bytes;
  std::vector<rt::DeviceTables> tables; ///< by device
  std::vector<Worker> workers;          ///< of all nodes, by device
  std::vector<uint32_t> firstWorker;    ///< of each device
  std::unordered_map<rt::EdgeKey, End, EdgeKeyHash> sends;
  std::vector<uint64_t> iterations; ///< of each entry of the program
  std::unique_ptr<Values> values;
  Exposure exposure; ///< without the counts, which a run gives

  const plan::Plan &plan() const { return *plan::GetPlan(bytes.data()); }
};

/// A random plan of several nodes that talk to each other; nullptr if the seed gives none, or none
/// that has a certificate.
std::unique_ptr<Ground> makeGround(uint64_t seed);

} // namespace of::test
