// How long one firing of a task takes, by the cost model: what the schedule is made with and what
// the plan predicts.
//
// A kernel is priced as a whole: the bytes of its arguments and results, not of what it fuses. All
// instances of a task are alike up to one element per dim, so the mesh's first point, which has the
// largest parts, stands for all; of unequal devices the slowest does. Pure.
#pragma once

#include "lib/Cost/Cluster.h"
#include "lib/Schedule/TaskList.h"

namespace of {

double secondsOf(task::KernelOp kernel, const ClusterDevice &device);
double secondsOf(const TaskInfo &task, const Cluster &cluster);

/// On an op of one task its seconds, on an exchange those of send and receive.
inline constexpr llvm::StringLiteral secondsAttrName = "task.seconds";
/// When the first firing of an iteration starts by the schedule, in ns; as `task.seconds`.
inline constexpr llvm::StringLiteral startAttrName = "task.start";
/// On a program: from one iteration to the next, and from one micro-batch to the next; ns.
inline constexpr llvm::StringLiteral periodsAttrName = "task.periods";

} // namespace of
