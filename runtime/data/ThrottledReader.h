// A reader of a slower disk: for tests and for asking what slower storage would cost.
//
// A read of n rows lasts at least n / rowsPerSecond; the thread that reads waits, as it would for a
// disk. Immutable; devices that read at the same time do not slow each other.
#pragma once

#include "runtime/data/BatchReader.h"

#include <chrono>
#include <thread>

namespace of::rt {

class ThrottledReader final : public BatchReader {
public:
  /// `rowsPerSecond` > 0.
  ThrottledReader(std::unique_ptr<BatchReader> inner, double rowsPerSecond)
      : inner_(std::move(inner)), rowsPerSecond_(rowsPerSecond) {}

  uint64_t samples() const override { return inner_->samples(); }
  const std::vector<FieldInfo> &fields() const override { return inner_->fields(); }
  uint64_t batches(uint64_t globalRows) const override { return inner_->batches(globalRows); }
  Status read(uint64_t epoch, uint64_t batch, uint64_t globalRows, Range rows,
              void *const *out) const override {
    const std::chrono::duration<double> time(static_cast<double>(rows.size()) / rowsPerSecond_);
    const auto end = std::chrono::steady_clock::now() + time;
    OF_TRY(inner_->read(epoch, batch, globalRows, rows, out));
    std::this_thread::sleep_until(end);
    return Status::ok();
  }

private:
  const std::unique_ptr<BatchReader> inner_;
  const double rowsPerSecond_;
};

} // namespace of::rt
