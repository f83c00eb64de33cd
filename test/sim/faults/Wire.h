// The network of a run with faults: the transports of all nodes, messages and pushed bytes under
// way, and what goes wrong with them.
//
// Without a fault it keeps the promises of runtime/transport/Transport.h: messages between two
// nodes in order and once, pushed bytes into the slot that was posted for them. What a node must
// never do is an error of its own: `violation`.
#pragma once

#include "runtime/transport/Transport.h"
#include "test/sim/faults/Clock.h"
#include "test/sim/faults/Fault.h"

#include <map>
#include <memory>
#include <string>
#include <tuple>

namespace of::test {

class Network {
public:
  /// `onArrival(node)` is called when something lies in the node's inbox.
  Network(Clock &clock, const Scenario &scenario, uint32_t nodes,
          std::function<void(uint32_t)> onArrival);

  ~Network();

  rt::Transport &port(uint32_t node);
  uint64_t messages() const { return messages_; }
  uint64_t pushes() const { return pushes_; }
  /// What a node did that it must never do; empty if nothing.
  const std::string &violation() const { return violation_; }
  /// The exchange whose message or push the fault struck; -1 if none.
  int64_t struckExchange() const { return struckExchange_; }
  uint32_t struckNode() const { return struckNode_; } ///< that the message was for

  /// The bytes of a landing slot were read: it may be posted again.
  void landingRead(const void *slot) { landings_.erase(slot); }
  /// Called with the edge and sequence whenever the bytes of a push have left their slot.
  std::function<void(const rt::EdgeKey &, uint64_t)> onLeft = [](const rt::EdgeKey &, uint64_t) {};
  /// Called with the node when a message comes to it a second time.
  std::function<void(uint32_t)> onRepeated = [](uint32_t) {};

private:
  class Port;
  struct Posted {
    void *data = nullptr;
    uint64_t token = 0;
  };
  using PushId = std::tuple<uint16_t, uint32_t, uint32_t, uint32_t, uint64_t>;
  static PushId idOf(const rt::EdgeKey &edge, uint64_t sequence) {
    return {edge.program, edge.exchange, edge.srcDevice, edge.dstDevice, sequence};
  }

  void send(uint32_t from, uint32_t to, rt::Message message);
  void push(uint32_t from, uint32_t to, const rt::EdgeKey &edge, uint64_t sequence,
            const void *data, uint64_t token);
  void post(uint32_t node, const rt::EdgeKey &edge, uint64_t sequence, void *data, uint64_t token);
  void arrive(uint32_t node, int64_t delayNs, const rt::Event &event, bool isRepeated = false);
  void flip(rt::Message &message) const;
  int64_t delay() {
    return scenario_.maxDelayNs > 0
               ? static_cast<int64_t>(random_() % static_cast<uint64_t>(scenario_.maxDelayNs + 1))
               : 0;
  }
  bool cutNow(uint32_t a, uint32_t b) const;
  void broken(const std::string &what) {
    if (violation_.empty())
      violation_ = what;
  }

  Clock &clock_;
  const Scenario &scenario_;
  std::mt19937_64 random_;
  std::function<void(uint32_t)> onArrival_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<std::vector<int64_t>> lastArrival_; ///< [from][to]
  std::vector<std::vector<bool>> silent_;         ///< [dead][to]: nothing more of it arrives
  std::map<PushId, Posted> posted_;
  std::map<const void *, bool> landings_; ///< slots that are posted (false) or full (true)
  uint64_t messages_ = 0, pushes_ = 0;
  int64_t cutUntilNs_ = -1, struckExchange_ = -1;
  uint32_t struckNode_ = 0;
  std::string violation_;
};

} // namespace of::test
