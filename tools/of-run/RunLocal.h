// Runs all nodes of a plan on this machine, and goes on after losses; picks a plan for the nodes
// that are there.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/plan_generated.h"
#include "tools/of-run/Options.h"

namespace of::run {

/// This program again, once per node; the exit code of the first that failed, or 0. After the loss
/// of a node all start again from the newest checkpoint: with --elastic on the plan for the nodes
/// that are left, else, with --max-restarts, on the same.
Result<int> runLocal(const plan::Plan &plan, const Options &options, int argc, char **argv);

/// Where a launcher has started another number of nodes than the plan has, and --elastic names a
/// plan for so many: options.plan becomes that one, and the run goes on from the newest checkpoint
/// of --out, if there is one.
Status chooseElastic(Options &options);

} // namespace of::run
