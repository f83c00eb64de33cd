// of-run --check: everything that would keep the nodes from running a plan, in one list.
#pragma once

#include "runtime/base/Status.h"
#include "tools/of-run/Options.h"

namespace of::run {

/// Checks this node (runtime/node/Preflight.h), meets the others and says on node 0 what any of
/// them has found. The exit code of the first finding, or 0.
Result<int> checkRun(Options options);

} // namespace of::run
