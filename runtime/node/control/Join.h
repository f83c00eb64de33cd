// How the nodes of a run meet: everybody comes to node 0 with its digest and the port that it
// listens on, and learns where the others listen.
//
// Used once by the main thread, before the control tree runs.
#pragma once

#include "runtime/node/control/ControlTree.h"
#include "runtime/node/control/Socket.h"

#include <optional>

namespace of::rt {

struct Joined {
  std::vector<Connection> connections; ///< by node; open from node 0 to all, from the others to it
  std::vector<std::string> addresses;  ///< by node: where it listens; of node 0 none
  Listener listener;                   ///< of this node, for those that turn to it; not of node 0
};

Result<Joined> joinNodes(const ControlConfig &config);

/// The first frame of a connection: who is there.
std::string helloOf(const ControlConfig &config, uint16_t port);
struct Hello {
  uint32_t node = 0;
  std::string digest;
  uint16_t port = 0;
};
/// Nothing if it is no hello of one of the nodes.
std::optional<Hello> readHello(const ControlConfig &config, const Frame &frame);

} // namespace of::rt
