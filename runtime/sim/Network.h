// What travels between the nodes of a simulated plan: counts it, and times the pushed bytes.
//
// As ThrottledTransport: the pushes of a node leave one after another, messages at once. Where no
// bandwidth is given, all pushes of one firing of an exchange leave together, after the time that
// the plan predicts for it. Used by the one thread of the simulation.
#pragma once

#include "runtime/schema/PlanView.h"
#include "runtime/transport/Transport.h"

#include <unordered_map>
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
  enum class Mode : uint8_t { Untimed, Predicted, Throttled };
  /// `bytesPerSecond` of a throttled network.
  Network(const plan::Plan &plan, Mode mode, double bytesPerSecond);

  /// To another node, from so many devices alike.
  void message(uint32_t fromNode, uint32_t devices) { uses_[fromNode].messages += devices; }
  /// When the bytes of an edge that is pushed now, in this firing of the program's entry, have
  /// left.
  int64_t push(const EdgeKey &edge, uint64_t sequence, int64_t nowNs);

  /// Of the certified duration of a receive, what passes here and not on its worker.
  int64_t networkNs(uint32_t program, uint32_t exchange, int64_t certifiedNs) const;
  const std::vector<NodeUse> &uses() const { return uses_; }

private:
  /// The firings of an exchange that have begun to leave a node, ascending, and when they have
  /// left.
  using Leaving = std::vector<std::pair<uint64_t, int64_t>>;

  int64_t bytesOf(const EdgeKey &edge);
  int64_t predictedNs(uint32_t program, uint32_t exchange) const {
    return predicted_[size_t(program) * exchanges_ + exchange];
  }
  int64_t pushTogether(const EdgeKey &edge, uint64_t sequence, int64_t nowNs);
  int64_t pushThrottled(const EdgeKey &edge, int64_t nowNs);
  int64_t leave(uint32_t node, int64_t lastNs, int64_t nowNs);

  const plan::Plan &plan_;
  const Mode mode_;
  const double bytesPerSecond_;
  const uint32_t exchanges_;
  std::vector<uint32_t> nodeOf_; ///< by device
  std::vector<NodeUse> uses_;
  std::vector<int64_t> free_;      ///< when a node's link has sent all so far
  std::vector<int64_t> predicted_; ///< ns by program and exchange
  std::vector<std::unordered_map<uint32_t, Leaving>> leaving_; ///< by node; program and exchange
  /// By exchange and destination: bytes by source, ascending.
  std::unordered_map<uint64_t, std::vector<std::pair<uint32_t, int64_t>>> bytes_;
};

} // namespace of::rt
