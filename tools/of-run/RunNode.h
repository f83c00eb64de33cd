// Runs one node of a plan in this process: open and verify the plan, build the node, join the
// others, train.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/node/Node.h"
#include "runtime/node/control/ControlTree.h"
#include "runtime/schema/PlanFile.h"
#include "tools/of-run/Options.h"

namespace of::run {

/// Opens a plan and runs every check that needs no other node.
Result<rt::PlanFile> openPlan(const std::string &path);

/// Everything that those checks find wrong; the libraries count only if the plan is sound.
std::vector<Status> planFindings(const rt::PlanFile &file, const std::string &path);

/// What the options say for a node of the plan, once completeFromEnvironment has filled them in.
rt::NodeOptions nodeOptions(const rt::PlanFile &file, const Options &options);
rt::ControlConfig controlConfig(const rt::PlanFile &file, const Options &options);

/// Exit code of a run that SIGTERM or SIGUSR1 ended early, after a checkpoint where the job takes
/// any: start it again with --resume.
inline constexpr int kEndedEarly = 75;

/// Runs node *options.node; the exit code, 0 or kEndedEarly. The returned error is the first cause,
/// whichever node it happened on.
Result<int> runNode(const rt::PlanFile &plan, const Options &options);

} // namespace of::run
