// The queue between the workers, which produce metrics, and the reporter, which writes them.
//
// Bounded and allocated once. `put` may be called by any worker and waits in the rare case that the
// reporter is behind by a whole queue; `take` belongs to the reporter's thread.
#pragma once

#include "runtime/node/Body.h"

#include <mutex>
#include <vector>

namespace of::rt {

struct MetricRecord {
  static constexpr uint32_t kMaxValues = 16;
  const plan::Metric *metric = nullptr; ///< null: the program entry has ended
  ProgramEntry entry;
  uint64_t step = 0;      ///< training step, from 0
  uint64_t iteration = 0; ///< of the program entry
  uint32_t values = 0;
  double value[kMaxValues] = {};
  int64_t timeNs = 0; ///< set by put
};

class MetricSink {
public:
  explicit MetricSink(size_t capacity) : capacity_(capacity) { records_.reserve(capacity); }

  void put(MetricRecord record);
  /// Moves all records to `out`, whose contents are replaced.
  void take(std::vector<MetricRecord> &out);
  /// Lets no `put` wait any more: the run is over.
  void close();

private:
  const size_t capacity_;
  std::mutex mutex_;
  std::vector<MetricRecord> records_;
  bool closed_ = false;
};

} // namespace of::rt
