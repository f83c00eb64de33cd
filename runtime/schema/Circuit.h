// The exact question whether a program stalls, and the circuit that makes it stall.
//
// Nothing waits for a later iteration, so firings that wait for each other in a ring all belong to
// one iteration, and a ring in one iteration is there in each. A program stalls, in its first
// iteration, if and only if the firings of one iteration with the dependencies inside it form a
// ring.
#pragma once

#include "runtime/schema/Firings.h"

namespace of::rt {

/// A ring of firings that wait for each other, each for the one before it; empty if the program is
/// live. As short as a search from some of its firings finds.
std::vector<FiringDependency> stallCircuit(const ProgramTasks &tasks,
                                           const std::vector<FiringDependency> &firings);

} // namespace of::rt
