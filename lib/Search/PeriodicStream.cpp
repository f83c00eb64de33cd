#include "lib/Search/PeriodicStream.h"

#include <algorithm>

namespace of::search {

/// visit(begin, length, isReserve)
template <typename Visit> void PeriodicStream::forEachGap(Visit visit) const {
  for (size_t i = 0; i < busy_.size(); ++i) {
    const int64_t end = busy_[i].begin + busy_[i].length;
    const int64_t next = i + 1 < busy_.size() ? busy_[i + 1].begin : busy_.front().begin + period_;
    if (next > end)
      visit(end, next - end, modulo(end) == end_);
  }
}

int64_t PeriodicStream::earliest(int64_t ready, int64_t duration) const {
  if (busy_.empty())
    return ready;
  std::optional<int64_t> best;
  forEachGap([&](int64_t begin, int64_t length, bool reserve) {
    if (duration > length)
      return;
    const int64_t inside = modulo(ready - begin);
    const int64_t room = reserve ? length - left_ : length - duration;
    const int64_t start = inside <= room ? ready : ready + period_ - inside;
    if (!best || start < *best)
      best = start;
  });
  return *best;
}

std::optional<int64_t> PeriodicStream::latest(int64_t from, int64_t due, int64_t duration) const {
  std::optional<int64_t> best;
  if (busy_.empty())
    best = due;
  forEachGap([&](int64_t begin, int64_t length, bool) {
    if (duration > length)
      return;
    const int64_t inside = modulo(due - begin), room = length - duration;
    const int64_t start = inside <= room ? due : due - inside + room;
    if (!best || start > *best)
      best = start;
  });
  if (best && *best < from)
    return std::nullopt;
  return best;
}

void PeriodicStream::add(int64_t start, int64_t duration) {
  const int64_t begin = modulo(start);
  bool appended = busy_.empty();
  forEachGap([&](int64_t gap, int64_t length, bool reserve) {
    appended |= reserve && modulo(begin - gap) < length;
  });
  const auto at = std::lower_bound(busy_.begin(), busy_.end(), begin,
                                   [](const Arc &arc, int64_t value) { return arc.begin < value; });
  busy_.insert(at, {begin, duration});
  left_ -= duration;
  if (appended)
    end_ = modulo(start + duration);
}

void PeriodicStream::remove(int64_t start, int64_t duration) {
  const int64_t begin = modulo(start);
  const auto at =
      std::find_if(busy_.begin(), busy_.end(), [&](const Arc &arc) { return arc.begin == begin; });
  busy_.erase(at);
  left_ += duration;
}

} // namespace of::search
