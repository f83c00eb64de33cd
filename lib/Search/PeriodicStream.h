// The time of one stream modulo the micro-batch period: what is busy, where the next task fits.
//
//   0        block                 end          period
//   ├──▓▓▓▓▓▓▓▓▓▓──hole──▓▓▓▓▓▓▓▓▓▓▓├── reserve ──┤
//
// Tasks are appended at the end of the block, after a gap no longer than the time that the period
// has beyond the work of the stream, or put into a hole. So all tasks fit whatever the order they
// come in. Owned by one solver run.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace of::search {

class PeriodicStream {
public:
  /// `work`: duration of all tasks that will be added; at most `period`.
  PeriodicStream(int64_t period, int64_t work) : period_(period), left_(work) {}

  /// Earliest start from `ready` on; always exists.
  int64_t earliest(int64_t ready, int64_t duration) const;
  /// Latest start in [from, due] at which the stream is free.
  std::optional<int64_t> latest(int64_t from, int64_t due, int64_t duration) const;

  void add(int64_t start, int64_t duration);
  /// Frees what `move` put back by add: for tasks that change their place after all were added.
  void remove(int64_t start, int64_t duration);

private:
  struct Arc {
    int64_t begin, length; ///< begin in [0, period)
  };
  int64_t modulo(int64_t time) const {
    const int64_t r = time % period_;
    return r < 0 ? r + period_ : r;
  }
  template <typename Visit> void forEachGap(Visit visit) const;

  int64_t period_;
  int64_t left_;          ///< duration of the tasks not added yet
  int64_t end_ = 0;       ///< of the block, in [0, period)
  std::vector<Arc> busy_; ///< ascending
};

} // namespace of::search
