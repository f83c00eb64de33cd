// Plans that measure exchanges: each iteration notes the time, gives something away and waits for
// the answer. They run in `of-run` like any other plan. What they noted is a variable, which the
// checkpoint at the end holds; so is the number of wrong elements in the last answer.
//
//   compute:            stamp ─x─┐                               ┌─y─ take
//   send, receive:               └▶ exchange ─▶ ... exchange ─▶──┘
//
// The streams are those that the compiler gives a device: compute, send and receive, all of one
// worker. `take` stands behind `stamp` in the order of the compute stream, so an iteration begins
// when the one before has ended; every register has one slot, as in compiled plans.
#pragma once

#include "test/support/PlanBuilder.h"

namespace of::bench {

struct StampedOptions {
  uint32_t nodes = 2;
  bool oneHost = true;      ///< nodes read each other's memory; otherwise they push
  uint64_t bytes = 64;      ///< of the f32 tensor, a multiple of 4
  uint64_t iterations = 64; ///< stamps
  std::string kernels;      ///< the compiled StampKernels.c
};

/// The sum of a tensor of each node, on each node. In one step every node reads all tensors; in two
/// it adds up its share and then takes those of the others.
plan::PlanT allReducePlan(const StampedOptions &options, bool twoSteps);

/// On each node `tasks` tasks one after the other, each of which takes `ticks` time stamps to hand
/// on what the one before wrote; then, of several nodes, the sum of the last results in one step.
plan::PlanT tasksPlan(const StampedOptions &options, uint32_t tasks, int64_t ticks);

/// From node 0 to node 1 and back: an iteration is a round trip of `bytes` each way.
plan::PlanT roundTripPlan(const StampedOptions &options);

} // namespace of::bench
