// Turns the part of a plan that one device runs into the flat tables of its workers.
//
// Pure: the same plan gives the same tables on every node, and in the simulator.
#pragma once

#include "runtime/actor/Table.h"
#include "runtime/schema/PlanView.h"

#include <map>

namespace of::rt {

/// workers[w][p]: what worker w of the device does in program p.
struct DeviceTables {
  std::vector<WorkerTables> workers;
};

/// Who gives a piece of an exchange to whom. What is asked for of one device is worked out for all
/// of them, so whoever looks at many devices shares one of these. Borrows the plan; for one thread.
class ExchangePeers {
public:
  explicit ExchangePeers(const plan::Plan &plan) : plan_(plan) {}

  /// Devices to which `device` gives a piece of the exchange (isSend), or from which it takes one;
  /// ascending.
  const std::vector<uint32_t> &of(uint32_t exchange, uint32_t device, bool isSend);

private:
  struct Peers {
    std::vector<std::vector<uint32_t>> takers, givers; ///< by device
  };
  const plan::Plan &plan_;
  std::map<uint32_t, Peers> known_; ///< by exchange
};

/// Corrupt, with the name of the task, if ids, periods or orders do not hold together.
Result<DeviceTables> buildTables(const plan::Plan &plan, uint32_t device, ExchangePeers &peers);
/// The same for one device alone.
Result<DeviceTables> buildTables(const plan::Plan &plan, uint32_t device);

} // namespace of::rt
