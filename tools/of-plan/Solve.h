// `of-plan solve`: solves a cost network.
#pragma once

#include "tools/of-plan/CostFile.h"
#include "tools/of-plan/Describe.h"

namespace of::planTool {

struct SolveCommand {
  std::string network;
  std::string start;  ///< a choice to start from; empty: none
  std::string output; ///< where the choice goes; empty: nowhere
  uint64_t work = 0;  ///< 0: by the size of the network
  uint64_t seed = 1;
  bool boundFirst = false;
};

/// {"name", "nodes", "edges", "verdict", "cost", "lower_bound", "gap", "peak_bytes",
/// "usage_limit", "work", "conflict": {"node"} or {"bytes", "time"}}; null where there is none.
Result<Json> solveNetwork(const SolveCommand &command);

std::string solutionText(const Json &solution);

} // namespace of::planTool
