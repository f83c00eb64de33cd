// Whether a run with a fault went as it must.
//
//   no fault, a pause, a cut that heals    it ends, with the right values
//   repeated, overtaken, damaged message   it ends with the right values, or a node says what it
//   met lost message, lost bytes               a node says so, or the run stands still and names
//   the
//                                          exchange that is waited for
//   a node dies or is silent for long      the others name it
//
// And always: all nodes that live name the same first cause, or none.
#pragma once

#include "test/sim/faults/World.h"

namespace of::test {

/// What is wrong; empty if nothing is.
std::string judge(const Ground &ground, const Scenario &scenario, const Outcome &outcome);

/// The ground of a seed: several seeds share one.
constexpr uint64_t kSeedsPerGround = 16;
std::unique_ptr<Ground> groundOf(uint64_t seed);

/// Runs a seed on its ground, which has had its run without faults.
std::string runSeed(Ground &ground, uint64_t seed, Scenario &scenario);

} // namespace of::test
