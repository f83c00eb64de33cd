// How the nodes of a run meet, notice each other's death and agree on the first cause of a failure.
//
// TCP sockets on a thread of their own, apart from the data transport, whose shared-memory peers
// report no failure. At first node 0 coordinates and every other node holds one connection to it;
// if it dies, the others turn to the next node (Agreement.h).
//
//   Hello (Handshake.h) ─▶   all here, one digest? ─▶ Welcome    deadline: the missing are named
//   Gather line ─▶                              all lines ─▶ Gathered
//   Report, Done, a closed connection, silence ─▶ one verdict on all nodes that live
//
// A closed connection is a death, and so is silence for most of a second (a heartbeat goes every
// tenth).
//
// Owned by the main thread; `report` may be called by any thread. One instance per process.
#pragma once

#include "runtime/node/Links.h"
#include "runtime/node/control/Agreement.h"

#include <cstdint>
#include <memory>

namespace of::rt {

struct ControlConfig {
  uint32_t node = 0;
  std::vector<std::string> peers;     ///< host:port of every node; only the root's is needed
  std::string interface;              ///< to listen on; empty: as listenOn says; "any": on all
  uint16_t listenPort = 0;            ///< of a node other than the root; 0: any that is free
  std::string token;                  ///< that joining needs
  std::vector<std::string> nodeNames; ///< for messages
  std::string planDigest;
  double joinSeconds = 60;
  int64_t silenceMs = kSilenceMs;
  bool clock = false; ///< this node wants to know how far its clock is from node 0's
};

class ControlTree : public Links {
public:
  /// Meets all nodes. PeerLost names those that did not come in time; Refused names those with
  /// another plan.
  static Result<std::unique_ptr<ControlTree>> join(ControlConfig config);
};

} // namespace of::rt
