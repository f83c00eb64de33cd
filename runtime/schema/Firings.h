// Which firing must have ended before which other may start: the machine of runtime/actor, written
// as a relation.
//
// A firing is (task, f): the f-th firing of the task since its program was entered; f counts
// through the iterations, iteration t has the firings t * F .. t * F + F - 1 of a task that fires F
// times per iteration. Tasks of all roles stand in one list, because exchanges join roles; all
// instances of a role behave alike, so a role stands for them.
//
//   Order     the entry before it in its stream's order; the last entry of the iteration before
//   Version   reader: the writer's last firing for that version
//   Slot      writer of version v + slots: a reader's last firing for version v
//   SlotRead  the same where the reader is a Send whose destination reads in place: its Receive
//   SlotGrant the same where the pieces are pushed: the Receive that frees the landing slot
//   Exchange  Receive: the Send of the same firing
//   SendRead, SendGrant   a Send with `window` firings open: as SlotRead, SlotGrant of the oldest
//   Reuse     end of a reuse edge: the last firing of its start, in this iteration or the last
//   ReuseRead, ReuseGrant   the same where the start is a Send: as SlotRead, SlotGrant
//
// The body of a task waits for nothing once it has started, so what happens after one of its calls
// counts as happening at its end. A Send acknowledges its inputs in the order of its firings; the
// later Receives wait for the earlier ones by their own stream's order, so no dependency is
// needed for it. A self-reading port (in place) gives no credit.
//
// Pure; the plan passed `verifyStructure` (Structure.h) and outlives what is returned.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/plan_generated.h"

#include <cstdint>
#include <string>
#include <vector>

namespace of::rt {

/// All tasks of one program, role after role. A node is an index into this list.
class ProgramTasks {
public:
  ProgramTasks(const plan::Plan &plan, uint32_t program);

  struct Entry {
    uint32_t role = 0, task = 0;
    const plan::Task *body = nullptr;
  };
  const plan::Plan &plan() const { return plan_; }
  uint32_t program() const { return program_; }
  uint32_t size() const { return static_cast<uint32_t>(entries_.size()); }
  const Entry &operator[](uint32_t node) const { return entries_[node]; }
  uint32_t node(uint32_t role, uint32_t task) const { return firstOfRole_[role] + task; }
  uint32_t firings(uint32_t node) const { return entries_[node].body->firings(); }
  const plan::RoleProgram &roleProgram(uint32_t role) const {
    return *plan_.roles()->Get(role)->programs()->Get(program_);
  }
  /// The task's name, with the role's in front where the plan has several.
  std::string name(uint32_t node) const;

private:
  const plan::Plan &plan_;
  uint32_t program_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> firstOfRole_;
};

enum class DependencyKind : uint8_t {
  Order,
  Version,
  Slot,
  SlotRead,
  SlotGrant,
  Exchange,
  SendRead,
  SendGrant,
  Reuse,
  ReuseRead,
  ReuseGrant
};

/// Firing `toFiring` of `to` waits for firing `fromFiring` of `from`. Shifted by whole iterations
/// it holds too, wherever both firings exist.
struct FiringDependency {
  uint32_t from = 0, to = 0; ///< nodes
  int64_t fromFiring = 0, toFiring = 0;
  DependencyKind kind = DependencyKind::Order;
  uint32_t subject = 0; ///< stream, register of the role of `to`, exchange or reuse edge
  uint32_t via = 0; ///< node of the Send of the kinds Slot…, Send… and Reuse…, else `from`
};

/// All dependencies, once each up to a shift by iterations. Corrupt, with names, if the rates of a
/// writer and its readers differ or an end of an exchange is missing: then there is no steady
/// state.
Result<std::vector<FiringDependency>> firingDependencies(const ProgramTasks &tasks);

/// "receive waits for exchange x0 from send"; a task that fires more than once per iteration is
/// followed by the number of the firing: "gradient[2]".
std::string describe(const ProgramTasks &tasks, const FiringDependency &dependency);

} // namespace of::rt
