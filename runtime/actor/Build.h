// Turns the part of a plan that one device runs into the flat tables of its workers.
//
// Pure: the same plan gives the same tables on every node, and in the simulator.
#pragma once

#include "runtime/actor/Table.h"
#include "runtime/schema/PlanView.h"

#include <unordered_map>
#include <utility>
#include <vector>

namespace of::rt {

/// workers[w][p]: what worker w of the device does in program p.
struct DeviceTables {
  std::vector<WorkerTables> workers;
};

/// Devices in ascending order; borrowed.
struct DeviceList {
  const uint32_t *first = nullptr, *last = nullptr;
  const uint32_t *begin() const { return first; }
  const uint32_t *end() const { return last; }
  uint32_t size() const { return static_cast<uint32_t>(last - first); }
};

/// Who gives a piece of an exchange to whom. What is asked for of one device is worked out for all
/// of them, so whoever looks at many devices shares one of these. Borrows the plan; for one thread.
class ExchangePeers {
public:
  explicit ExchangePeers(const plan::Plan &plan) : plan_(plan) {}

  /// Devices to which `device` gives a piece of the exchange (isSend), or from which it takes one;
  /// as long as this lives.
  DeviceList of(uint32_t exchange, uint32_t device, bool isSend) {
    learn(exchange);
    return std::as_const(*this).of(exchange, device, isSend);
  }
  /// The same of an exchange that was asked for or learnt before: also for several threads.
  DeviceList of(uint32_t exchange, uint32_t device, bool isSend) const;
  void learn(uint32_t exchange);

private:
  /// The peers of the devices that have some, one device after another.
  struct Side {
    void fill(std::vector<std::pair<uint32_t, uint32_t>> pairs); ///< (device, peer)
    DeviceList of(uint32_t device) const;
    std::vector<uint32_t> devices, first, peers;
  };
  struct Sides {
    Side takers, givers;
  };
  const plan::Plan &plan_;
  std::unordered_map<uint32_t, Sides> known_; ///< by exchange
};

/// The exchange that a task is an end of; kNone if it is none.
uint32_t exchangeOf(const plan::Task &task);

/// The edges of a device whose role has this table. `peers` knows the exchanges of its tasks.
EdgeTable buildEdges(const plan::Plan &plan, uint32_t device, const plan::Role &role,
                     const TaskTable &table, const ExchangePeers &peers);

/// Corrupt, with the name of the task, if ids, periods or orders do not hold together.
Result<DeviceTables> buildTables(const plan::Plan &plan, uint32_t device, ExchangePeers &peers);
/// The same for one device alone.
Result<DeviceTables> buildTables(const plan::Plan &plan, uint32_t device);

} // namespace of::rt
