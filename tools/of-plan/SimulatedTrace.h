// The trace of a simulated run, in the format that `of-run --trace` writes: one file with the
// firings of all nodes and the arrows of what passes between them, at simulated times.
#pragma once

#include "runtime/sim/Simulation.h"

#include <string>

namespace of::planTool {

/// Simulates with the options and writes the firings to `path` as they begin (aside, and renamed):
/// nothing is kept but the tables of the plan. A run that deadlocks leaves what fired until then.
/// Io if the file cannot be written; then nothing is left of it.
Result<rt::SimulationResult> simulateTraced(const rt::Roster &roster, rt::SimulationOptions options,
                                            const std::string &path);

} // namespace of::planTool
