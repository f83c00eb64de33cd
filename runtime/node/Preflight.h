// What would keep a node from running its part of a plan, found without starting anything.
#pragma once

#include "runtime/node/Node.h"

namespace of::rt {

/// Every reason, each as the error that a run would end with: kinds of devices, ISA, memory of the
/// host, files of data sets, first values, checkpoint, place for results. If there is none, the
/// node is built once, without its threads, and what that finds is the answer. The plan has passed
/// the verifier. Main thread.
std::vector<Status> preflight(const plan::Plan &plan, const NodeOptions &options);

} // namespace of::rt
