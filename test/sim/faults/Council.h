// The agreements of all nodes of a simulated run and the connections between them.
//
// Frames of a connection arrive in order, each after a random while; when a node dies or leaves,
// the other end hears of it behind everything that was sent before. One thread.
#pragma once

#include "runtime/node/control/Agreement.h"
#include "test/sim/faults/Clock.h"

#include <map>
#include <memory>
#include <random>

namespace of::test {

class Council {
public:
  /// `onSettled(node, verdict)`: the node is to stop.
  Council(Clock &clock, uint32_t nodes, uint64_t seed,
          std::function<void(uint32_t, const Status &)> onSettled);
  ~Council();

  void report(uint32_t node, const Status &status);
  void done(uint32_t node);
  /// The node dies now. Whether the frames that it sent last still arrive is chance.
  void kill(uint32_t node);
  /// It dies when it has sent so many frames: between two that belong together.
  void killAfter(uint32_t node, uint32_t frames);
  /// When the first node died; never: the end of time.
  int64_t firstDeathNs() const { return firstDeathNs_; }

  const rt::Agreement &of(uint32_t node) const;
  /// Something will still come of itself: evidence, a verdict, a node that is silent.
  bool pending() const;
  /// All that live and were not given up have left.
  bool over() const;
  /// Why the agreement is not one; empty if it is. Needs over().
  std::string judge() const;
  /// The verdict of those that live; nothing if nobody does.
  std::optional<Status> verdict() const;
  static std::string nameOf(uint32_t node) { return "n" + std::to_string(node); }

private:
  class Seat;
  void beat(uint32_t node);
  void checkRelease(uint32_t node);
  void deliver(uint32_t from, uint32_t to, const rt::Frame &frame);
  void close(uint32_t node);
  int64_t latency() {
    return static_cast<int64_t>(1'000 + random_() % static_cast<uint64_t>(maxLatencyNs_));
  }
  int64_t nowMs() const { return clock_.nowNs() / 1'000'000; }

  Clock &clock_;
  std::mt19937_64 random_;
  const int64_t maxLatencyNs_;
  std::vector<std::unique_ptr<Seat>> seats_;
  int64_t firstDeathNs_ = INT64_MAX;
  std::map<std::pair<uint32_t, uint32_t>, int64_t> lastArrival_;
  std::function<void(uint32_t, const Status &)> onSettled_;
};

/// A council of 3 to 8 nodes by itself: reports, deaths and ends at random times. "" or what is
/// wrong.
std::string runCouncil(uint64_t seed);

} // namespace of::test
