// How a node learns how far its clock is from node 0's, all through a run.
//
//   node ── ClockAsk {t1} ──▶ node 0 ── ClockTell {t1, t2} ──▶ node, at t3
//
//   offset = t2 - (t1 + t3) / 2, wrong by (t3 - t1) / 2 at most, whatever way was the slower one
//
// (F. Cristian, Probabilistic clock synchronization, Distributed Computing 3, 1989.) Questions go
// in bursts, each as soon as the one before is answered, and of those of a window the quickest
// counts: it has waited for nobody. The first window and the last two give the drift. A pure state
// machine, used by the thread of the control tree.
#pragma once

#include "runtime/node/ClockMap.h"
#include "runtime/node/control/Socket.h"

#include <functional>
#include <optional>
#include <string>

namespace of::rt {

/// What node 0 answers to a question, `nowNs` on its clock.
std::string clockAnswer(const std::string &question, int64_t nowNs);

class ClockAsker {
public:
  using SendFn = std::function<void(FrameType type, const std::string &payload)>; ///< to node 0
  explicit ClockAsker(SendFn send) : send_(std::move(send)) {}

  /// Asks if it is time to.
  void tick(int64_t nowNs);
  /// Node 0 has answered.
  void onAnswer(const std::string &payload, int64_t nowNs);

  /// Nothing before the first answer.
  std::optional<ClockMap> map() const;

  static constexpr int64_t kBurstEveryNs = 250'000'000, kWindowNs = 1'000'000'000;
  static constexpr uint32_t kBurst = 8;

private:
  void ask(int64_t nowNs);
  void add(const ClockSample &sample);

  const SendFn send_;
  int64_t burstNs_ = 0; ///< when the last began
  uint32_t left_ = 0;   ///< questions of it, with the one under way
  bool begun_ = false;
  /// The quickest of the first window, of the last whole one behind it, of the one that goes on.
  std::optional<ClockSample> first_, whole_, open_;
  uint32_t windows_ = 0;
  int64_t windowNs_ = 0; ///< when the one that goes on began
};

} // namespace of::rt
