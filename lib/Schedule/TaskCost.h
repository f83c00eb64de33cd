// How long one firing of a task takes, by the cost model: what the schedule is made with and what
// the plan predicts.
//
// A kernel is priced as a whole: the bytes of its arguments and results, not of what it fuses. All
// instances of a task are alike up to one element per dim, so the mesh's first point, which has the
// largest parts, stands for all; of unequal devices the slowest does. Pure.
#pragma once

#include "lib/Cost/ComputeCost.h"
#include "lib/Cost/Profile.h"
#include "lib/Schedule/TaskList.h"

namespace of {

/// What a kernel has to do on the device at this point of its mesh; `ages`: for a device whose
/// caches count, also how far away its operands lie.
KernelWork workOf(task::KernelOp kernel, int64_t point, bool ages);
/// The caches of such a device count.
inline bool hasAges(const ClusterDevice &device) { return device.kind == "cpu"; }
/// What tells a task from others in a profile: as of-run finds it in the plan.
ProfiledWork workOf(const TaskInfo &task);

struct TaskSeconds {
  double worker = 0;  ///< while it holds a worker
  double network = 0; ///< of a receive before that: pieces of other hosts are on their way
  double total() const { return worker + network; }
};
TaskSeconds secondsOf(const TaskInfo &task, const Cluster &cluster);

/// On an op of one task its seconds; on an exchange those of the send, those of the receive, and
/// which part of these the network takes.
inline constexpr llvm::StringLiteral secondsAttrName = "task.seconds";
/// When the first firing of an iteration starts by the schedule, in ns; as `task.seconds`.
inline constexpr llvm::StringLiteral startAttrName = "task.start";
/// The same of the last firing of an iteration.
inline constexpr llvm::StringLiteral lastAttrName = "task.last";
/// On a program: from one iteration to the next, in ns.
inline constexpr llvm::StringLiteral periodAttrName = "task.period";

/// Of a module: dictionary program -> dictionary mesh group -> bytes that the slots of its
/// registers may take together; no entry: no limit.
inline constexpr llvm::StringLiteral registerLimitsAttrName = "task.register_limits";

} // namespace of
