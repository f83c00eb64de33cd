// What travels between the nodes of a simulated plan: counts it, and times the pushed bytes where
// the links have a bandwidth.
//
// As ThrottledTransport: the pushes of a node leave one after another, messages at once. Used by
// the one thread of the simulation.
#pragma once

#include "runtime/schema/PlanView.h"
#include "runtime/transport/Transport.h"

#include <map>
#include <vector>

namespace of::rt {

/// What one node sent.
struct NodeUse {
  uint64_t messages = 0; ///< to other nodes: readies, acks, grants and pushes
  uint64_t pushedBytes = 0;
  int64_t linkBusyNs = 0;
};

class Network {
public:
  /// `bytesPerSecond` 0: bytes take no time and are not counted.
  Network(const plan::Plan &plan, double bytesPerSecond)
      : plan_(plan), bytesPerSecond_(bytesPerSecond), uses_(plan.nodes()->size()),
        free_(plan.nodes()->size(), 0) {}

  void message(uint32_t fromDevice, uint32_t toDevice);
  /// When the bytes of an edge that is pushed now have left.
  int64_t push(const EdgeKey &edge, int64_t nowNs);

  bool timed() const { return bytesPerSecond_ > 0; }
  const std::vector<NodeUse> &uses() const { return uses_; }

private:
  uint32_t nodeOf(uint32_t device) const { return plan_.devices()->Get(device)->node(); }
  int64_t bytesOf(const EdgeKey &edge);

  const plan::Plan &plan_;
  const double bytesPerSecond_;
  std::vector<NodeUse> uses_;
  std::vector<int64_t> free_; ///< when a node's link has sent all so far
  /// (exchange, destination) -> source -> bytes
  std::map<std::pair<uint32_t, uint32_t>, std::map<uint32_t, int64_t>> bytes_;
};

} // namespace of::rt
