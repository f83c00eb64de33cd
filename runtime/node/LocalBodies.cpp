#include "runtime/node/LocalBodies.h"

#include "runtime/schema/PlanView.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

namespace of::rt {

namespace {

float fromHalf(uint16_t bits) {
  const uint32_t sign = uint32_t(bits & 0x8000) << 16, exponent = (bits >> 10) & 31,
                 mantissa = bits & 1023;
  const float magnitude = exponent == 31  ? (mantissa ? NAN : INFINITY)
                          : exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                                          : std::ldexp(static_cast<float>(mantissa | 1024),
                                                       static_cast<int>(exponent) - 25);
  return sign ? -magnitude : magnitude;
}

template <typename T> T load(const std::byte *data, uint64_t index) {
  T value;
  std::memcpy(&value, data + index * sizeof(T), sizeof(T));
  return value;
}

double valueAt(DType dtype, const std::byte *data, uint64_t index) {
  switch (dtype) {
  case DType::F32:
    return load<float>(data, index);
  case DType::F64:
    return load<double>(data, index);
  case DType::F16:
    return fromHalf(load<uint16_t>(data, index));
  case DType::BF16: {
    const uint32_t bits = uint32_t(load<uint16_t>(data, index)) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  case DType::I8:
    return load<int8_t>(data, index);
  case DType::I32:
    return load<int32_t>(data, index);
  case DType::I64:
    return static_cast<double>(load<int64_t>(data, index));
  case DType::U8:
  case DType::Bool:
    return load<uint8_t>(data, index);
  }
  return 0;
}

} // namespace

TimedBody::TimedBody(const plan::Task &task, double factor)
    : steps_(std::max<int32_t>(1, static_cast<int32_t>(task.body_as_Segment()->calls()->size()))),
      step_(std::llround(task.seconds() * factor * 1e9 / steps_)) {}

/// The thread waits and leaves its core to others. It wakes late; the next wait is shorter by that,
/// so that it does not add up.
Status TimedBody::run(int32_t, const FiringContext &) {
  const auto begin = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(step_ - late_);
  late_ += std::chrono::steady_clock::now() - begin - step_;
  late_ = std::min(late_, step_);
  return Status::ok();
}

Status CopyBody::run(int32_t, const FiringContext &context) {
  for (size_t i = 0; i < bytes_.size(); ++i)
    std::memcpy(context.slots.outputs[i], context.slots.inputs[i], bytes_[i]);
  return Status::ok();
}

namespace {

/// Whether all values are finite, without a branch per value.
template <typename T> bool allFinite(const std::byte *data, uint64_t elements) {
  const T *values = reinterpret_cast<const T *>(data);
  bool finite = true;
  for (uint64_t i = 0; i < elements; ++i)
    finite &= std::fabs(values[i]) <= std::numeric_limits<T>::max(); // false for NaN too
  return finite;
}

} // namespace

Status CheckFiniteBody::run(int32_t, const FiringContext &context) {
  const DType dtype = dtypeOf(check_.dtype());
  const std::byte *data = context.slots.inputs[0];
  if ((dtype == DType::F32 && allFinite<float>(data, check_.elements())) ||
      (dtype == DType::F64 && allFinite<double>(data, check_.elements())))
    return Status::ok();
  for (uint64_t i = 0; i < check_.elements(); ++i) {
    const double value = valueAt(dtype, data, i);
    if (std::isfinite(value))
      continue;
    const std::string what = check_.what() ? check_.what()->str() : "a checked value";
    const bool located = check_.location() && check_.location()->size() > 0;
    return Status(Code::Numeric, what + (located ? " at " + check_.location()->str() : "") +
                                     " is " + (std::isnan(value) ? "NaN" : "infinite") +
                                     " in step " + std::to_string(context.step()) +
                                     "; lower the learning rate or check the data");
  }
  return Status::ok();
}

Status MetricBody::run(int32_t, const FiringContext &context) {
  if (!emits_)
    return Status::ok();
  MetricRecord record;
  record.metric = &metric_;
  record.entry = *context.entry;
  record.step = context.step();
  record.iteration = context.iteration();
  record.values = std::min<uint32_t>(metric_.names()->size(), MetricRecord::kMaxValues);
  for (uint32_t i = 0; i < record.values; ++i)
    record.value[i] = valueAt(dtypeOf(metric_.dtype()), context.slots.inputs[i], 0);
  sink_.put(record);
  return Status::ok();
}

Status OutputBody::run(int32_t, const FiringContext &context) {
  return file_ ? file_->write(context.slots.inputs[0]) : Status::ok();
}

} // namespace of::rt
