// What happens when, under a simulated clock: first the earliest event, of several of one time the
// one that was pushed first.
//
// A radix heap (Ahuja, Mehlhorn, Orlin, Tarjan 1990). The clock never runs back, so an event lies
// in the bucket of the highest bit in which its time differs from now; when the clock advances, the
// lowest bucket that is not empty is dealt out to those below it. Events of one time always lie in
// the same bucket, in the order in which they came: nothing else orders them.
//
//   bucket 0: now   1: differs in bit 0   2: in bit 1 …   63: in bit 62
//
// Used by one thread.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace of::rt {

/// `Event` has a member `int64_t atNs`, not negative.
template <typename Event> class EventQueue {
public:
  int64_t nowNs() const { return nowNs_; }

  /// Not before now.
  void push(const Event &event) {
    assert(event.atNs >= nowNs_);
    const unsigned bucket = bucketOf(event.atNs);
    buckets_[bucket].push_back(event);
    filled_ |= uint64_t(1) << bucket;
  }

  /// The next event, at whose time it is then; false if there is none.
  bool pop(Event &event) {
    if (next_ == buckets_[0].size() && !advance())
      return false;
    event = buckets_[0][next_++];
    return true;
  }

  /// The event that was pushed last for this time or one that lies near it, if it is still to come:
  /// whatever is pushed for this time now follows it at once.
  Event *newest(int64_t atNs) {
    const unsigned bucket = bucketOf(atNs);
    std::vector<Event> &events = buckets_[bucket];
    return events.empty() || (bucket == 0 && next_ == events.size()) ? nullptr : &events.back();
  }

private:
  unsigned bucketOf(int64_t atNs) const {
    const uint64_t differs = static_cast<uint64_t>(atNs ^ nowNs_);
    return differs == 0 ? 0 : 64 - static_cast<unsigned>(__builtin_clzll(differs));
  }

  bool advance() {
    buckets_[0].clear();
    next_ = 0;
    filled_ &= ~uint64_t(1);
    if (filled_ == 0)
      return false;
    const unsigned lowest = static_cast<unsigned>(__builtin_ctzll(filled_));
    filled_ &= ~(uint64_t(1) << lowest);
    dealt_.swap(buckets_[lowest]);
    nowNs_ = dealt_.front().atNs;
    for (const Event &event : dealt_)
      nowNs_ = event.atNs < nowNs_ ? event.atNs : nowNs_;
    for (const Event &event : dealt_)
      push(event);
    dealt_.clear();
    return true;
  }

  std::array<std::vector<Event>, 64> buckets_;
  std::vector<Event> dealt_; ///< of the bucket that is dealt out; empty otherwise
  size_t next_ = 0;          ///< of bucket 0
  uint64_t filled_ = 0;      ///< buckets that are not empty
  int64_t nowNs_ = 0;
};

} // namespace of::rt
