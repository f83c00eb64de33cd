// How the nodes of a run meet: everybody comes to node 0, shows that it knows the job's token
// (Handshake.h), says which plan it has and where it listens, and learns where the others listen.
//
// Used once by the main thread, before the control tree runs.
#pragma once

#include "runtime/node/control/ControlTree.h"
#include "runtime/node/control/Handshake.h"
#include "runtime/node/control/Socket.h"

#include <functional>
#include <optional>

namespace of::rt {

struct Joined {
  std::vector<Connection> connections; ///< by node; open from node 0 to all, from the others to it
  std::vector<std::string> addresses;  ///< by node: where it listens; of node 0 none
  Listener listener;                   ///< of this node, for those that turn to it; not of node 0
};

/// The first wrong thing ends it; with `findings` everything wrong is put there instead, and those
/// that came are joined.
Result<Joined> joinNodes(const ControlConfig &config, std::vector<Status> *findings = nullptr);

/// What this node says of itself.
Hello helloOf(const ControlConfig &config, uint16_t port);

/// The first frame that comes from a node before the time, in milliseconds of the steady clock.
std::optional<Frame> awaitFrame(Connection &connection, int64_t deadlineMs);

/// Connects to a node that listens and shows it that this one knows the token, in so many
/// milliseconds altogether. A connection that is not open if nobody answers in time, or nobody who
/// knows the token. InvalidArgument for a wrong address, Refused for another version.
struct Introduced {
  Connection connection{-1};
  bool turnedAway =
      false; ///< where it is not open: the other end has seen the hello and wants none
};
Result<Introduced> introduceTo(const std::string &address, const std::string &token,
                               const std::function<Result<Hello>(const Connection &)> &hello,
                               int waitMs);

} // namespace of::rt
