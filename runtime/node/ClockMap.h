// From the clock of a node to that of node 0, so that what several nodes write can be laid side by
// side.
//
// A clock is taken to run evenly: the offset changes in a straight line through two measurements.
// What it may be wrong by is that of the measurements, stretched to the times beyond them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace of::rt {

/// One measurement; nanoseconds.
struct ClockSample {
  int64_t atNs = 0;     ///< when, on the clock of the node
  int64_t offsetNs = 0; ///< node 0's clock less the node's
  int64_t errorNs = 0;  ///< the offset is wrong by no more
};

/// Any thread; a value.
class ClockMap {
public:
  /// The clock is node 0's.
  ClockMap() = default;
  ClockMap(const ClockSample &early, const ClockSample &late)
      : early_(early), late_(late), measured_(true) {}

  /// What node 0's clock shows when this node's shows `ns`.
  int64_t toRoot(int64_t ns) const { return ns + offsetAt(ns); }
  int64_t offsetAt(int64_t ns) const {
    return early_.offsetNs + static_cast<int64_t>(drift() * static_cast<double>(ns - early_.atNs));
  }
  /// How much faster node 0's clock runs, as a fraction.
  double drift() const {
    return isLine() ? static_cast<double>(late_.offsetNs - early_.offsetNs) /
                          static_cast<double>(late_.atNs - early_.atNs)
                    : 0;
  }
  /// What toRoot may be wrong by at a time, 0 on node 0.
  int64_t errorAt(int64_t ns) const {
    if (!measured_)
      return 0;
    if (!isLine())
      return early_.errorNs +
             static_cast<int64_t>(kMaxDrift * static_cast<double>(std::abs(ns - early_.atNs)));
    const double length = static_cast<double>(late_.atNs - early_.atNs);
    const double late = static_cast<double>(ns - early_.atNs) / length;
    return static_cast<int64_t>(std::abs(1 - late) * static_cast<double>(early_.errorNs) +
                                std::abs(late) * static_cast<double>(late_.errorNs)) +
           1;
  }
  bool isMeasured() const { return measured_; }

private:
  /// Quartz is wrong by less; two of them drift apart by no more.
  static constexpr double kMaxDrift = 200e-6;
  bool isLine() const { return late_.atNs > early_.atNs; }

  ClockSample early_, late_;
  bool measured_ = false;
};

} // namespace of::rt
