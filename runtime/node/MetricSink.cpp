#include "runtime/node/MetricSink.h"

#include "runtime/node/Trace.h"

#include <thread>

namespace of::rt {

void MetricSink::put(MetricRecord record) {
  record.timeNs = nowNs();
  while (true) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (records_.size() < capacity_) {
        records_.push_back(record);
        return;
      }
      if (closed_)
        return;
    }
    std::this_thread::yield();
  }
}

void MetricSink::take(std::vector<MetricRecord> &out) {
  out.clear();
  std::lock_guard<std::mutex> lock(mutex_);
  out.swap(records_);
  if (records_.capacity() < capacity_)
    records_.reserve(capacity_);
}

void MetricSink::close() {
  std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
}

} // namespace of::rt
