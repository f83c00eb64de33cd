// What comes before what on one device, whatever happens elsewhere: the proof that two things may
// share bytes.
//
// X may lie where Y lies if in each iteration all uses of X end before Y is first written, and all
// uses of Y end before X is first written in the next one; or the same with X and Y changed. The
// ends of uses are points of a task: after a call of its body, at its end, or when it has let go of
// what it read. What a point comes before follows from
//
//   the stream's order   what fires next starts after it
//   a version            its reader starts after the call that publishes it
//   a free slot          the writer of version v + slots starts after v was given back
//   an own piece         a Receive starts after the Send of its own device
//   a reuse edge         what it says
//
// and from chains of these. All but the last are there for other reasons and cost nothing; the
// compiler adds reuse edges where a plan's times say that nobody will wait for them. Paths through
// other devices are not looked at: a role stands for many, and what its other instances do says
// nothing of this one.
//
// The verifier asks it of a plan (runtime/schema/PlanOrder.h), the compiler of its tasks before
// they are a plan (lib/Schedule/Lifetimes.h). Plain values; answers are kept, so not thread-safe.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <vector>

namespace of {

class ProgramOrder {
public:
  static constexpr int64_t kEnd = std::numeric_limits<int64_t>::max() - 1;
  /// A Send's inputs are given back when every destination has read or received them.
  static constexpr int64_t kReleased = kEnd + 1;
  static constexpr uint32_t kNever = 2;

  /// In the last firing of an iteration; `after` is a call, kEnd or kReleased.
  struct Point {
    uint32_t task = 0;
    int64_t after = kEnd;
    bool operator<(const Point &o) const {
      return task != o.task ? task < o.task : after < o.after;
    }
  };
  struct PortUse {
    uint32_t task = 0;
    int64_t after = kEnd; ///< where the version is published or given back
    uint32_t period = 1;
  };

  /// `firings` of each task in an iteration.
  explicit ProgramOrder(std::vector<uint32_t> firings);

  void addStream(const std::vector<uint32_t> &order);
  void addRegister(const PortUse &writer, const PortUse &reader, uint32_t slots, uint32_t initial);
  /// On every device a piece goes from the Send to the Receive of the same device.
  void addOwnPiece(uint32_t send, uint32_t receive);
  void addReuse(const Point &from, uint32_t to, uint32_t lag);

  uint32_t firings(uint32_t task) const { return firings_[task]; }
  /// The least l <= 1 such that the first firing of `to` in each iteration t + l starts after the
  /// point in iteration t; else kNever.
  uint32_t lag(const Point &from, uint32_t to) const;

private:
  static constexpr int64_t kStart = -1;
  struct Edge {
    int64_t leaves = kEnd;
    uint32_t to = 0, lag = 0;
  };
  void add(uint32_t from, int64_t leaves, uint32_t to, int64_t lag);

  std::vector<uint32_t> firings_;
  std::vector<std::vector<Edge>> edges_;
  mutable std::map<Point, std::vector<uint8_t>> known_;
};

} // namespace of
