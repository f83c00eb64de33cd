// `of-plan simulate`: runs one program of a plan under a simulated clock and says where the time
// goes.
#pragma once

#include "runtime/base/Status.h"
#include "tools/of-plan/Describe.h"

namespace of::planTool {

struct SimulateOptions {
  std::string program; ///< empty: the first training program, else the first
  uint64_t steps = 20;
  uint64_t seed = 1;
  double delayUs = 0;  ///< each message takes 0 to this
  bool jitter = false; ///< durations vary by chance around the predicted ones
  double readRowsPerSecond = 0, linkBytesPerSecond = 0; ///< throttles; 0: none
  std::string
      trace; ///< file for the firings of these steps, as of-run --trace has them; empty: none
};

/// {"program", "step_seconds", "certified_step_seconds", "busiest": {"device", "worker",
/// "utilisation"} or, for the link of a node, {"node", "utilisation"}, "streams": [{"device",
/// "worker", "stream", "utilisation", "busy_seconds_per_step"}], "nodes": [{"node",
/// "messages_per_step", "link_busy_seconds_per_step"}]}, with a throttled link the nodes also
/// {"pushed_bytes_per_step"}. Needs a plan that passed verifyStructure; Refused, with what each
/// stream waits for, if it deadlocks.
Result<Json> simulatePlan(const plan::Plan &plan, const SimulateOptions &options);

/// The program of this name; without one the first training program, else the first.
Result<uint32_t> programNamed(const plan::Plan &plan, const std::string &name);

std::string simulationText(const Json &simulation);

} // namespace of::planTool
