#include "runtime/transport/throttled/ThrottledTransport.h"

#include <algorithm>

namespace of::rt {

Status ThrottledTransport::push(NodeId node, const EdgeKey &edge, uint64_t sequence,
                                const void *data, size_t bytes, uint64_t token) {
  const std::chrono::duration<double> time(static_cast<double>(bytes) / bytesPerSecond_);
  std::lock_guard<std::mutex> lock(mutex_);
  free_ = std::max(free_, Clock::now()) + std::chrono::duration_cast<Clock::duration>(time);
  queue_.push_back({free_, node, edge, sequence, data, bytes, token});
  return Status::ok();
}

Status ThrottledTransport::poll(std::vector<Event> &events) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (; !queue_.empty() && queue_.front().leaves <= Clock::now(); queue_.pop_front()) {
      const Push &push = queue_.front();
      OF_TRY(inner_.push(push.node, push.edge, push.sequence, push.data, push.bytes, push.token));
    }
  }
  return inner_.poll(events);
}

} // namespace of::rt
