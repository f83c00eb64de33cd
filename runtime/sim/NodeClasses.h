// Which nodes of a plan are alike: they have the same roles, and so have their neighbours, and
// theirs, however far one goes. As long as nothing is by chance they do the same at the same time,
// so that a simulation needs one of each class.
//
// The coarsest stable partition (colour refinement). Nodes begin in one class if their devices have
// the same roles, and part where an end of an exchange leads to another number of devices of some
// class, to others of the same node, or by another path. How long a task lasts is a matter of its
// role, so that the sizes of pieces do not count.
#pragma once

#include "runtime/actor/Build.h"

#include <cstdint>
#include <vector>

namespace of::rt {

/// An end of an exchange on the devices of a role.
struct RoleEnd {
  uint32_t worker = kNone; ///< of the device
  uint32_t program = 0;
  uint32_t exchange = 0;
  bool isSend = false;
};

struct NodeClasses {
  std::vector<uint32_t> first;   ///< by node: the first node of its class
  std::vector<uint32_t> size;    ///< by node: how many nodes its class has
  std::vector<uint32_t> standIn; ///< by device: the one at its place in the class's first node
};

/// Every node is a class.
NodeClasses singleNodes(const plan::Plan &plan);

/// `roleOf` by device, `ends` by role; `peers` knows their exchanges. A round of refinement looks
/// at every pair of devices between which a piece moves; two or three rounds are usual, more than
/// there are classes impossible.
NodeClasses likeNodes(const plan::Plan &plan, const std::vector<uint32_t> &roleOf,
                      const std::vector<std::vector<RoleEnd>> &ends, const ExchangePeers &peers);

} // namespace of::rt
