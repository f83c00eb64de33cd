// Runs one node of a plan in this process: open and verify the plan, build the node, join the
// others, train.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/PlanFile.h"
#include "tools/of-run/Options.h"

namespace of::run {

/// Opens a plan and runs every check that needs no other node.
Result<rt::PlanFile> openPlan(const std::string &path);

/// Runs node *options.node. The returned error is the first cause, whichever node it happened on.
Status runNode(const rt::PlanFile &plan, const Options &options);

} // namespace of::run
