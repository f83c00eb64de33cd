// The simulated time of a run with faults: events in order of time, each belonging to a node.
//
//   at(node, delay, what) ──▶ queue ──▶ run()       a node that is dead gets nothing any more
//                              ▲  │                 a node that is paused gets it when it goes on
//                              └──┘
//
// One thread. Ties go to the older event, so the same calls give the same run.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

namespace of::test {

class Clock {
public:
  explicit Clock(uint32_t nodes) : pausedUntilNs_(nodes, 0), dead_(nodes, false) {}

  int64_t nowNs() const { return nowNs_; }
  void at(uint32_t node, int64_t delayNs, std::function<void()> what) {
    queue_.push({nowNs_ + delayNs, created_++, node, false, std::move(what)});
    ++work_;
  }
  /// As `at`, for what goes on as long as the run: it does not count as work.
  void tick(uint32_t node, int64_t delayNs, std::function<void()> what) {
    queue_.push({nowNs_ + delayNs, created_++, node, true, std::move(what)});
  }

  void kill(uint32_t node) { dead_[node] = true; }
  bool dead(uint32_t node) const { return dead_[node]; }
  void pause(uint32_t node, int64_t ns) {
    pausedUntilNs_[node] = std::max(pausedUntilNs_[node], nowNs_ + ns);
  }

  /// Nothing is under way but ticks.
  bool idle() const { return work_ == 0; }

  /// Handles the next event; false if there is none.
  bool step() {
    if (queue_.empty())
      return false;
    Event event = std::move(const_cast<Event &>(queue_.top()));
    queue_.pop();
    nowNs_ = event.atNs;
    if (!dead_[event.node] && pausedUntilNs_[event.node] > nowNs_) {
      event.atNs = pausedUntilNs_[event.node];
      queue_.push(std::move(event));
      return true;
    }
    work_ -= event.isTick ? 0 : 1;
    if (!dead_[event.node])
      event.what();
    return true;
  }

private:
  struct Event {
    int64_t atNs = 0;
    uint64_t number = 0;
    uint32_t node = 0;
    bool isTick = false;
    std::function<void()> what;
    bool operator<(const Event &o) const {
      return atNs != o.atNs ? atNs > o.atNs : number > o.number;
    }
  };

  std::priority_queue<Event> queue_;
  std::vector<int64_t> pausedUntilNs_;
  std::vector<bool> dead_;
  int64_t nowNs_ = 0;
  uint64_t created_ = 0, work_ = 0;
};

} // namespace of::test
