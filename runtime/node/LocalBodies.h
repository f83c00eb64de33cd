// Bodies that need nothing but this device: segments, copies, finite checks, metrics.
#pragma once

#include "runtime/data/NpyFile.h"
#include "runtime/node/Body.h"
#include "runtime/node/MetricSink.h"

#include <chrono>

namespace of::rt {

/// The calls of a segment, one step each.
class SegmentBody final : public Body {
public:
  explicit SegmentBody(std::unique_ptr<PreparedSegment> segment) : segment_(std::move(segment)) {}
  int32_t steps() const override { return segment_->calls(); }
  Status run(int32_t step, const FiringContext &context) override {
    return segment_->run(step, context.slots);
  }

private:
  std::unique_ptr<PreparedSegment> segment_;
};

/// A segment that computes nothing but lasts `factor` times as long as the plan predicts, its calls
/// alike: for runs in which only who waits for whom matters.
class TimedBody final : public Body {
public:
  TimedBody(const plan::Task &task, double factor);
  int32_t steps() const override { return steps_; }
  Status run(int32_t step, const FiringContext &context) override;

private:
  const int32_t steps_;
  const std::chrono::nanoseconds step_;
  std::chrono::nanoseconds late_{0}; ///< that waits have lasted too long
};

/// Input port i to output port i.
class CopyBody final : public Body {
public:
  explicit CopyBody(const plan::Copy &copy) : bytes_(copy.bytes()->begin(), copy.bytes()->end()) {}
  Status run(int32_t, const FiringContext &context) override;

private:
  std::vector<uint64_t> bytes_;
};

/// Numeric error at the first value that is not finite.
class CheckFiniteBody final : public Body {
public:
  explicit CheckFiniteBody(const plan::CheckFinite &check) : check_(check) {}
  Status run(int32_t, const FiringContext &context) override;

private:
  const plan::CheckFinite &check_;
};

/// Hands scalars to the sink on the emitting device; on the others it only takes its turn.
class MetricBody final : public Body {
public:
  MetricBody(const plan::Metric &metric, bool emits, MetricSink &sink)
      : metric_(metric), emits_(emits), sink_(sink) {}
  Status run(int32_t, const FiringContext &context) override;

private:
  const plan::Metric &metric_;
  const bool emits_;
  MetricSink &sink_;
};

/// Writes the rows of a batch into the file of its output; where there is none it only takes its
/// turn.
class OutputBody final : public Body {
public:
  /// `file` outlives the body; it may be null.
  explicit OutputBody(OutputFile *file) : file_(file) {}
  Status run(int32_t, const FiringContext &context) override;

private:
  OutputFile *const file_;
};

} // namespace of::rt
