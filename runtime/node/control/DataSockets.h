// How the nodes of a run connect for tensors (transport/tcp): a socket for each pair, apart from
// the control tree's.
//
//   node i listens on a port that is free ─▶ all learn the ports ─▶ j > i comes and shows that it
//   knows the job's token, as when joining (Handshake.h)
//
// Used once by the main thread, while the control tree runs.
#pragma once

#include "runtime/node/control/ControlTree.h"
#include "runtime/node/control/Socket.h"

#include <functional>

namespace of::rt {

class DataSockets {
public:
  /// Listens where `ownHost` is, or as the interface of the config says. Borrows the config.
  static Result<DataSockets> listen(const ControlConfig &config, const std::string &ownHost);

  uint16_t port() const { return listener_.port(); }

  /// Connections to the nodes wanted, by node; who is wanted wants this one. `addresses[n]` is
  /// where node n listens. PeerLost names who did not come in the time for joining; it ends early
  /// if `stopped` says that the run has failed meanwhile.
  Result<std::vector<Connection>> meet(const std::vector<std::string> &addresses,
                                       const std::vector<bool> &wanted,
                                       const std::function<bool()> &stopped) const;

private:
  DataSockets(const ControlConfig &config, Listener listener)
      : config_(&config), listener_(std::move(listener)) {}

  Status goTo(uint32_t node, const std::string &address, int64_t deadlineMs,
              const std::function<bool()> &stopped, Connection &out) const;
  Status await(const std::vector<bool> &wanted, int64_t deadlineMs,
               const std::function<bool()> &stopped, std::vector<Connection> &out) const;
  Status missing(uint32_t node) const;

  const ControlConfig *config_;
  Listener listener_;
};

} // namespace of::rt
