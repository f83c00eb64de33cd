// What a module that was distributed costs, read from its types and boxings alone.
#pragma once

#include "dialects/Of/Of.h"
#include "lib/Distribute/BoxingPlanner.h"

namespace of::test {

/// Seconds of a step of the train program: every op on its local shapes, every boxing, added up as
/// the pipeline of its meshes.
double secondsOf(mlir::ModuleOp module, const Cluster &cluster, BoxingPlanner &planner);

} // namespace of::test
