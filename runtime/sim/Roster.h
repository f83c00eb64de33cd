// Who takes part in a simulation of a plan: all workers of all devices, what each does, and whom
// each of its edges leads to. Built once, then read by any number of simulations.
//
// The devices of a role share one set of tables, which have no edges: what differs from device to
// device is whom it exchanges tensors with.
#pragma once

#include "runtime/actor/Build.h"
#include "runtime/actor/Waits.h"

#include <memory>

namespace of::rt {

/// The other end of an edge.
struct EdgeEnd {
  uint32_t worker = kNone;  ///< of the roster
  uint32_t edge : 31;       ///< of its table
  uint32_t isElsewhere : 1; ///< on another node
};

/// What the devices of a role do.
struct RosterRole {
  const plan::Role *role = nullptr;
  DeviceTables tables; ///< without edges
};

struct RosterWorker {
  uint32_t device = 0;
  uint32_t number = 0; ///< of the device
  uint32_t node = 0;
  uint32_t role = 0; ///< of the device
};

/// Immutable, so any thread may read it. Borrows the plan.
class Roster {
public:
  /// Needs a plan that passed verifyStructure. Corrupt, with the name of the task, if ids, periods
  /// or orders do not hold together.
  static Result<std::unique_ptr<const Roster>> of(const plan::Plan &plan);

  const plan::Plan &plan() const { return plan_; }
  const std::vector<RosterRole> &roles() const { return roles_; }
  /// By device, then number.
  const std::vector<RosterWorker> &workers() const { return workers_; }
  const WorkerTables &tablesOf(const RosterWorker &worker) const {
    return roles_[worker.role].tables.workers[worker.number];
  }
  /// The edges of a worker in a program.
  EdgeTable edgesOf(const RosterWorker &worker, uint32_t program) const {
    return buildEdges(plan_, worker.device, *roles_[worker.role].role, tablesOf(worker)[program],
                      peers_);
  }
  uint32_t firstWorker(uint32_t device) const { return firstWorker_[device]; }
  /// Ascending.
  const std::vector<uint32_t> &workersOf(uint32_t node) const { return ofNode_[node]; }
  /// What a worker waits for in this program, in words.
  std::string describe(const RosterWorker &worker, uint32_t program, const Wait &wait) const;
  /// By edge of the worker's table.
  const EdgeEnd *ends(uint32_t worker, uint32_t program) const {
    return ends_.data() + firstEnd_[worker * programs_ + program];
  }

private:
  explicit Roster(const plan::Plan &plan) : plan_(plan), peers_(plan) {}
  class Builder;

  const plan::Plan &plan_;
  uint32_t programs_ = 0;
  ExchangePeers peers_; ///< knows all exchanges
  std::vector<RosterRole> roles_;
  std::vector<RosterWorker> workers_;
  std::vector<uint32_t> firstWorker_;
  std::vector<std::vector<uint32_t>> ofNode_;
  std::vector<EdgeEnd> ends_;
  std::vector<uint64_t> firstEnd_; ///< by worker and program
};

} // namespace of::rt
