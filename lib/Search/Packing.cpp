#include "lib/Search/Packing.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace of::search {

namespace {

constexpr int64_t kMaxBytes = int64_t(1) << 60;

std::string nameOf(const PackingProblem &problem, size_t buffer) {
  return "buffer " + std::to_string(problem.buffers[buffer].id);
}

Status invalid(std::string message) { return Status(Code::InvalidArgument, std::move(message)); }

Status checkBuffer(const PackingProblem &problem, size_t i) {
  const Buffer &b = problem.buffers[i];
  if (b.lower >= b.upper)
    return invalid(nameOf(problem, i) + " lives in [" + std::to_string(b.lower) + ", " +
                   std::to_string(b.upper) + "), which is empty; give it upper > lower");
  if (b.size < 0 || b.size > kMaxBytes)
    return invalid(nameOf(problem, i) + " has size " + std::to_string(b.size) +
                   "; a size is 0 to 2^60 bytes");
  if (b.alignment < 1 || b.alignment > kMaxBytes || (b.alignment & (b.alignment - 1)))
    return invalid(nameOf(problem, i) + " has alignment " + std::to_string(b.alignment) +
                   ", which is not a power of two");
  return Status::ok();
}

/// Buffers that start or end at a time, ends first.
struct Event {
  int64_t time;
  bool start;
  size_t buffer;

  bool operator<(const Event &o) const {
    return std::tie(time, start, buffer) < std::tie(o.time, o.start, o.buffer);
  }
};

std::vector<Event> eventsOf(const PackingProblem &problem) {
  std::vector<Event> events;
  events.reserve(2 * problem.buffers.size());
  for (size_t i = 0; i < problem.buffers.size(); ++i) {
    if (problem.buffers[i].size == 0)
      continue;
    events.push_back({problem.buffers[i].lower, true, i});
    events.push_back({problem.buffers[i].upper, false, i});
  }
  std::sort(events.begin(), events.end());
  return events;
}

} // namespace

Status PackingProblem::check() const {
  int64_t total = 0;
  for (size_t i = 0; i < buffers.size(); ++i) {
    OF_TRY(checkBuffer(*this, i));
    const int64_t bytes = buffers[i].size + buffers[i].alignment;
    if (total > kMaxBytes - std::min(bytes, kMaxBytes))
      return invalid("the buffers have more than 2^60 bytes in all; an offset cannot hold that");
    total += bytes;
  }
  if (capacity && *capacity < 0)
    return invalid("capacity " + std::to_string(*capacity) + " is negative");
  return Status::ok();
}

int64_t PackingProblem::granule() const {
  int64_t granule = buffers.empty() ? 1 : buffers.front().alignment;
  for (const Buffer &b : buffers)
    granule = std::min(granule, b.alignment);
  return granule;
}

MaxLive maxLive(const PackingProblem &problem) {
  const int64_t granule = problem.granule();
  MaxLive best;
  int64_t bytes = 0;
  for (const Event &e : eventsOf(problem)) {
    const int64_t size = roundUp(problem.buffers[e.buffer].size, granule);
    bytes += e.start ? size : -size;
    if (bytes > best.bytes) {
      best.bytes = bytes;
      best.time = e.time;
    }
  }
  for (size_t i = 0; i < problem.buffers.size(); ++i) {
    const Buffer &b = problem.buffers[i];
    if (b.size > 0 && b.lower <= best.time && best.time < b.upper)
      best.live.push_back(i);
  }
  return best;
}

namespace {

/// Live buffers by offset while the sweep passes over time.
class LiveBytes {
public:
  LiveBytes(const PackingProblem &problem, const std::vector<int64_t> &offsets)
      : problem_(problem), offsets_(offsets) {}

  Status add(size_t buffer, int64_t time) {
    const int64_t begin = offsets_[buffer], end = begin + problem_.buffers[buffer].size;
    const auto next = live_.lower_bound(begin);
    if (next != live_.end() && next->first < end)
      return shared(next->second, buffer, time);
    if (next != live_.begin()) {
      const size_t below = std::prev(next)->second;
      if (offsets_[below] + problem_.buffers[below].size > begin)
        return shared(below, buffer, time);
    }
    live_.emplace(begin, buffer);
    return Status::ok();
  }
  void remove(size_t buffer) { live_.erase(offsets_[buffer]); }

private:
  std::string range(size_t i) const {
    return nameOf(problem_, i) + " at [" + std::to_string(offsets_[i]) + ", " +
           std::to_string(offsets_[i] + problem_.buffers[i].size) + ")";
  }
  Status shared(size_t a, size_t b, int64_t time) const {
    return Status(Code::Internal, range(a) + " and " + range(b) +
                                      " share bytes while both live at time " +
                                      std::to_string(time));
  }

  const PackingProblem &problem_;
  const std::vector<int64_t> &offsets_;
  std::map<int64_t, size_t> live_;
};

} // namespace

Status PackingSolution::verify(const PackingProblem &problem) const {
  if (offsets.size() != problem.buffers.size())
    return Status(Code::Internal, std::to_string(offsets.size()) + " offsets for " +
                                      std::to_string(problem.buffers.size()) + " buffers");
  const int64_t granule = problem.granule();
  int64_t highest = 0;
  for (size_t i = 0; i < offsets.size(); ++i) {
    const Buffer &b = problem.buffers[i];
    if (offsets[i] < 0 || offsets[i] > kMaxBytes || offsets[i] % b.alignment)
      return Status(Code::Internal, nameOf(problem, i) + " lies at " + std::to_string(offsets[i]) +
                                        ", which is no multiple of its alignment " +
                                        std::to_string(b.alignment));
    if (b.size > 0)
      highest = std::max(highest, offsets[i] + roundUp(b.size, granule));
  }
  if (highest != peak)
    return Status(Code::Internal, "the highest buffer ends at " + std::to_string(highest) +
                                      ", not at the stated peak " + std::to_string(peak));
  if (problem.capacity && peak > *problem.capacity)
    return Status(Code::Internal, "the peak " + std::to_string(peak) + " exceeds the capacity " +
                                      std::to_string(*problem.capacity));
  LiveBytes live(problem, offsets);
  for (const Event &e : eventsOf(problem)) {
    if (e.start)
      OF_TRY(live.add(e.buffer, e.time));
    else
      live.remove(e.buffer);
  }
  return Status::ok();
}

} // namespace of::search
