// Transport over UCX: shared memory between the processes of a host, what else UCX finds between
// hosts. Meant for cards that write into memory by themselves; for plain TCP there is tcp.
//
// Messages and pushed bytes are tagged sends; a post is a tagged receive for exactly one (edge,
// sequence), so data lands without a copy of ours. Endpoints have no peer error mode, with it UCX
// gives up shared memory; the control tree notices deaths.
//
//   tag of a message   0 | sender's node
//   tag of a push      1 | program 6 | exchange 17 | source device 14 | destination device 14 |
//   sequence 12
//
// One mutex guards every call into UCX; `poll` and the others may be called by any thread. Buffers
// and operation records are taken from pools that grow to the largest number under way and are
// kept.
#pragma once

#include "runtime/transport/Transport.h"

#include <memory>
#include <string>

namespace of::rt {

class UcxTransport : public Transport {
public:
  /// Starts UCX for node `self` of `nodes`.
  static Result<std::unique_ptr<UcxTransport>> create(NodeId self, uint32_t nodes);

  /// What the other nodes need to reach this one: text without spaces.
  virtual std::string address() const = 0;
  /// Connects to every node; addresses[i] is node i's.
  virtual Status connect(const std::vector<std::string> &addresses) = 0;
  /// The run has failed: the end of this object waits for no peer.
  virtual void abandon() = 0;
};

/// Whether this machine has cards that write into memory by themselves.
bool hasRdma();

/// Whether tags can tell the edges of a plan of this size apart; Refused otherwise.
Status checkUcxLimits(uint64_t programs, uint64_t exchanges, uint64_t devices);

} // namespace of::rt
