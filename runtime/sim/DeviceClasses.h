// Which devices of a plan are alike: they have the same role, and so have those that they exchange
// tensors with and those on their node, and theirs, however far one goes. As long as nothing is by
// chance they do the same at the same time, so that a simulation needs one of each class.
//
// The coarsest stable partition (colour refinement). Devices begin in one class if they have the
// same role, and part where an end of an exchange leads to another number of devices of some class,
// or by another path, or where other classes are on their nodes. How long a task lasts is a matter
// of its role, so that the sizes of pieces do not count.
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

struct DeviceClasses {
  /// By device: the one that stands in for its class. Stand-ins of the devices of a node share one.
  std::vector<uint32_t> standIn;
  std::vector<uint32_t> size;        ///< by device: how many its class has
  std::vector<uint32_t> onNode;      ///< by device: how many of those are on its node
  std::vector<uint32_t> nodeStandIn; ///< by node
};

/// Every device is a class.
DeviceClasses singleDevices(const plan::Plan &plan);

/// `roleOf` by device, `ends` by role; `peers` knows their exchanges. A round of refinement looks
/// at every pair of devices between which a piece moves; two or three rounds are usual, more than
/// there are classes impossible.
DeviceClasses likeDevices(const plan::Plan &plan, const std::vector<uint32_t> &roleOf,
                          const std::vector<std::vector<RoleEnd>> &ends,
                          const ExchangePeers &peers);

} // namespace of::rt
