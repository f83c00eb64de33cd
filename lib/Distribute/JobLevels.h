// What a job says of values that the backward pass needs: its keys `recompute` and `offload`.
#pragma once

#include "lib/Config/Job.h"
#include "lib/Cost/Cluster.h"
#include "lib/Distribute/RecomputeGroups.h"

namespace of {

/// The level that all groups have; none: to be chosen, where something is chosen.
std::optional<Recompute> levelOf(const JobParallel &parallel);

/// Error at the module if the job keeps values on hosts that some device cannot reach.
mlir::LogicalResult checkOffload(mlir::ModuleOp module, const Job &job, const Cluster &cluster);

} // namespace of
