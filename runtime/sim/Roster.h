// Who takes part in a simulation of a plan: all workers of all devices, what each does, and whom
// each of its edges leads to. Built once, then read by any number of simulations.
//
// The devices of a role share one set of tables, which have no edges: what differs from device to
// device is whom it exchanges tensors with.
//
// A folded roster has of devices that are alike (DeviceClasses.h) only the first, which stands in
// for the others: what one of them sends, the stand-in of whoever gets it receives.
//
//   4 devices, each to all               folded: device 0 alone
//     0 ──▶ 0, 1, 2, 3   4 edges           0 ──▶ 0   4 edges
//
//   1 device to 3 that are alike         folded
//     0 ──▶ 1, 2, 3   3 edges              0 ──▶ 1   the first of its 3 edges arrives
//     0 ◀── 1, 2, 3   one edge each        0 ◀── 1   at all 3 of 0's
#pragma once

#include "runtime/actor/Build.h"
#include "runtime/actor/Waits.h"
#include "runtime/sim/DeviceClasses.h"

#include <memory>
#include <unordered_map>

namespace of::rt {

/// The other end of an edge.
struct EdgeEnd {
  uint32_t worker = kNone;  ///< of the roster; kNone if nobody is there who takes part
  uint32_t edge : 30;       ///< of its table
  uint32_t isElsewhere : 1; ///< on another node
  uint32_t hasMore : 1;     ///< it stands for edges to several of a node's edges
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
  uint32_t role = 0;  ///< of the device
  uint32_t count = 1; ///< that it stands in for on its node
};

/// Immutable, so any thread may read it. Borrows the plan.
class Roster {
public:
  /// Of all devices. Needs a plan that passed verifyStructure. Corrupt, with the name of the task,
  /// if ids, periods or orders do not hold together.
  static Result<std::unique_ptr<const Roster>> of(const plan::Plan &plan);
  /// Of one device of each class, for simulations of these programs in which nothing is by chance
  /// and links have no bandwidth of their own.
  static Result<std::unique_ptr<const Roster>> folded(const plan::Plan &plan,
                                                      const std::vector<uint32_t> &programs);

  const plan::Plan &plan() const { return plan_; }
  bool isFolded() const { return isFolded_; }
  /// Whether a simulation may enter this program.
  bool knows(uint32_t program) const { return knows_[program]; }
  const std::vector<RosterRole> &roles() const { return roles_; }
  /// By device, then number.
  const std::vector<RosterWorker> &workers() const { return workers_; }
  const WorkerTables &tablesOf(const RosterWorker &worker) const {
    return roles_[worker.role].tables.workers[worker.number];
  }
  /// The edges of a worker in a program; none if it does not know the program.
  EdgeTable edgesOf(const RosterWorker &worker, uint32_t program) const;
  /// Of a device that stands in for itself.
  uint32_t firstWorker(uint32_t device) const { return firstWorker_[device]; }
  const DeviceClasses &classes() const { return classes_; }
  /// Of a node that stands in for itself; ascending.
  const std::vector<uint32_t> &workersOf(uint32_t node) const { return ofNode_[node]; }
  /// What a worker waits for in this program, in words.
  std::string describe(const RosterWorker &worker, uint32_t program, const Wait &wait) const;
  /// By edge of the worker's table.
  const EdgeEnd *ends(uint32_t worker, uint32_t program) const {
    return ends_.data() + firstEnd_[worker * programs_ + program];
  }
  /// The further ends of one that has more.
  const std::vector<EdgeEnd> &moreOf(const EdgeEnd &end) const {
    return more_.at(static_cast<uint64_t>(&end - ends_.data()));
  }

private:
  explicit Roster(const plan::Plan &plan) : plan_(plan), peers_(plan) {}
  static Result<std::unique_ptr<const Roster>> make(const plan::Plan &plan, std::vector<bool> knows,
                                                    bool isFolded);
  class Builder;

  const plan::Plan &plan_;
  bool isFolded_ = false;
  uint32_t programs_ = 0;
  std::vector<bool> knows_; ///< by program
  ExchangePeers peers_;     ///< knows all exchanges
  std::vector<RosterRole> roles_;
  DeviceClasses classes_;
  std::vector<RosterWorker> workers_;
  std::vector<uint32_t> firstWorker_; ///< by device; kNone if another stands in
  std::vector<std::vector<uint32_t>> ofNode_;
  std::vector<EdgeEnd> ends_;
  std::vector<uint64_t> firstEnd_;                          ///< by worker and program
  std::unordered_map<uint64_t, std::vector<EdgeEnd>> more_; ///< by place in ends_
};

} // namespace of::rt
