// What a job says of values that the backward pass needs: its keys `recompute` and `offload`.
#pragma once

#include "lib/Config/Job.h"
#include "lib/Cost/Cluster.h"
#include "lib/Distribute/RecomputeGroups.h"

namespace of {

/// The level that all groups have; none: to be chosen, where something is chosen.
std::optional<Recompute> levelOf(const JobParallel &parallel);

/// The key and value of the job that a level contradicts; empty if none does.
std::string contradicts(const JobParallel &parallel, Recompute level);

/// What a search may choose between for a group of the program: what the job leaves open of that
/// which the group is worth looking at. On the host only where a path leads there and the node says
/// how much memory it has, in steps of one micro-batch: what several of them need lies on the
/// device at all times (lib/Schedule/Lifetimes.h), so that nothing is won.
RecomputeLevels levelsFor(const JobParallel &parallel, const Cluster &cluster, ProgramOp program,
                          const RecomputeGroups &groups, size_t group);

/// Error at the module if the job keeps values on hosts that some device cannot reach.
mlir::LogicalResult checkOffload(mlir::ModuleOp module, const Job &job, const Cluster &cluster);

} // namespace of
