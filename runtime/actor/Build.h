// Turns the part of a plan that one device runs into the flat tables of its workers.
//
// Pure: the same plan gives the same tables on every node, and in the simulator.
#pragma once

#include "runtime/actor/Table.h"
#include "runtime/schema/PlanView.h"

namespace of::rt {

/// workers[w][p]: what worker w of the device does in program p.
struct DeviceTables {
  std::vector<WorkerTables> workers;
};

/// Corrupt, with the name of the task, if ids, periods or orders do not hold together.
Result<DeviceTables> buildTables(const plan::Plan &plan, uint32_t device);

/// Devices to which `device` gives a piece of the exchange (isSend), or from which it takes one;
/// ascending.
std::vector<uint32_t> exchangePeers(const plan::Plan &plan, const plan::Exchange &exchange,
                                    uint32_t device, bool isSend);

} // namespace of::rt
