// A transport whose outgoing link has a bandwidth: for tests and for asking what a slower network
// would cost.
//
//   push ──▶ queue ──(its time on the link is over, seen by a poll)──▶ inner push ──▶ PushDone
//
// Pushes of this node leave one after another, each after bytes / bytesPerSecond, as through one
// network card; what the inner transport takes comes on top. Messages and posts pass at once. The
// link works while nobody looks: a late poll delivers late but does not slow the pushes behind.
//
// Borrows the inner transport. `push` may come from any worker, `poll` as for every transport. The
// queue grows to the largest number of pushes under way.
#pragma once

#include "runtime/transport/Transport.h"

#include <chrono>
#include <deque>
#include <mutex>

namespace of::rt {

class ThrottledTransport final : public Transport {
public:
  /// `bytesPerSecond` > 0.
  ThrottledTransport(Transport &inner, double bytesPerSecond)
      : inner_(inner), bytesPerSecond_(bytesPerSecond) {}

  NodeId self() const override { return inner_.self(); }
  Status send(NodeId node, const Message &message) override { return inner_.send(node, message); }
  Status push(NodeId node, const EdgeKey &edge, uint64_t sequence, const void *data, size_t bytes,
              uint64_t token) override;
  Status post(NodeId node, const EdgeKey &edge, uint64_t sequence, void *data, size_t bytes,
              uint64_t token) override {
    return inner_.post(node, edge, sequence, data, bytes, token);
  }
  Status flush() override { return inner_.flush(); }
  void offer(NodeId node, const EdgeKey &edge, uint64_t sequence, void *data) override {
    inner_.offer(node, edge, sequence, data);
  }
  Status poll(std::vector<Event> &events) override;
  const char *describe() const override { return "throttled"; }

private:
  using Clock = std::chrono::steady_clock;
  struct Push {
    Clock::time_point leaves;
    NodeId node;
    EdgeKey edge;
    uint64_t sequence;
    const void *data;
    size_t bytes;
    uint64_t token;
  };

  Transport &inner_;
  const double bytesPerSecond_;
  std::mutex mutex_;
  std::deque<Push> queue_;
  Clock::time_point free_{}; ///< when the link has sent all that is queued
};

} // namespace of::rt
