// What all nodes have found wrong, in one list, without a run.
#pragma once

#include "runtime/node/control/ControlTree.h"

namespace of::rt {

/// Meets the others and exchanges findings. On every node that reaches node 0: the findings of all,
/// by node, each with its node's name in front; who did not come, or came with another plan,
/// version or token, is a finding, and so is a node that others could not turn to. Elsewhere what
/// this node knows.
std::vector<Status> checkTogether(const ControlConfig &config, const std::vector<Status> &mine);

} // namespace of::rt
