// Copying and reducing boxes of dense row-major buffers (declared in Exchange.h).
#include "runtime/base/Exchange.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace of {

RegionRuns::RegionRuns(const Box &region, const Box &srcBox, const Box &dstBox) {
  if (region.empty())
    return;
  const size_t rank = region.dims.size();
  // Inner dims that both buffers hold entirely make one run with the next dim.
  size_t split = rank;
  run_ = 1;
  while (split > 0) {
    --split;
    run_ *= region.dims[split].size();
    if (!(region.dims[split] == srcBox.dims[split]) || !(region.dims[split] == dstBox.dims[split]))
      break;
  }
  int64_t srcStride = 1, dstStride = 1;
  for (size_t d = rank; d-- > 0;) {
    src_ += (region.dims[d].begin - srcBox.dims[d].begin) * srcStride;
    dst_ += (region.dims[d].begin - dstBox.dims[d].begin) * dstStride;
    if (d < split)
      loops_.insert(loops_.begin(), {region.dims[d].size(), srcStride, dstStride});
    srcStride *= srcBox.dims[d].size();
    dstStride *= dstBox.dims[d].size();
  }
}

namespace {

template <typename T> T combined(SbpKind kind, T a, T b) {
  if (kind == SbpKind::PartialSum)
    return static_cast<T>(a + b);
  if (a != a || b != b) // NaN stays
    return a != a ? a : b;
  return kind == SbpKind::PartialMax ? (a < b ? b : a) : (b < a ? b : a);
}

/// 16-bit floats are combined as f32 and rounded to nearest even.
struct Half {
  static float widen(uint16_t bits) {
    const uint32_t sign = uint32_t(bits & 0x8000) << 16, exponent = (bits >> 10) & 31,
                   mantissa = bits & 1023;
    if (exponent == 0) {
      const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
      return sign ? -magnitude : magnitude;
    }
    const uint32_t wide = sign | ((exponent == 31 ? 255 : exponent + 112) << 23) | (mantissa << 13);
    float value;
    std::memcpy(&value, &wide, sizeof value);
    return value;
  }
  static uint16_t narrow(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
    const float magnitude = std::fabs(value);
    if (value != value)
      return sign | 0x7e00;
    if (magnitude >= 65520.0f) // rounds to infinity
      return sign | 0x7c00;
    if (magnitude < std::ldexp(1.0f, -14)) // subnormal: a multiple of 2^-24
      return sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(magnitude, 24)));
    bits &= 0x7fffffff;
    bits += 0xfff + ((bits >> 13) & 1);
    return sign | static_cast<uint16_t>((bits >> 13) - (112 << 10));
  }
};

struct BFloat {
  static float widen(uint16_t bits) {
    const uint32_t wide = uint32_t(bits) << 16;
    float value;
    std::memcpy(&value, &wide, sizeof value);
    return value;
  }
  static uint16_t narrow(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (value != value)
      return static_cast<uint16_t>((bits >> 16) | 0x40);
    bits += 0x7fff + ((bits >> 16) & 1);
    return static_cast<uint16_t>(bits >> 16);
  }
};

template <typename T>
void reduceRun(SbpKind kind, const void *a, const void *b, void *dst, int64_t count) {
  const T *left = static_cast<const T *>(a), *right = static_cast<const T *>(b);
  T *out = static_cast<T *>(dst);
  if (kind == SbpKind::PartialSum) { // the common case, kept simple enough to vectorise
    for (int64_t i = 0; i < count; ++i)
      out[i] = static_cast<T>(left[i] + right[i]);
    return;
  }
  for (int64_t i = 0; i < count; ++i)
    out[i] = combined(kind, left[i], right[i]);
}

template <typename Format>
void reduceNarrow(SbpKind kind, const void *a, const void *b, void *dst, int64_t count) {
  const uint16_t *left = static_cast<const uint16_t *>(a),
                 *right = static_cast<const uint16_t *>(b);
  uint16_t *out = static_cast<uint16_t *>(dst);
  for (int64_t i = 0; i < count; ++i)
    out[i] = Format::narrow(combined(kind, Format::widen(left[i]), Format::widen(right[i])));
}

using ReduceFn = void (*)(SbpKind, const void *, const void *, void *, int64_t);

ReduceFn reducerOf(DType dtype) {
  switch (dtype) {
  case DType::F32:
    return reduceRun<float>;
  case DType::F64:
    return reduceRun<double>;
  case DType::F16:
    return reduceNarrow<Half>;
  case DType::BF16:
    return reduceNarrow<BFloat>;
  case DType::I8:
    return reduceRun<int8_t>;
  case DType::I32:
    return reduceRun<int32_t>;
  case DType::I64:
    return reduceRun<int64_t>;
  case DType::U8:
  case DType::Bool: // partial booleans do not exist; their bytes are treated as numbers
    return reduceRun<uint8_t>;
  }
  return reduceRun<uint8_t>;
}

template <typename T> void fill(SbpKind kind, void *dst, int64_t count) {
  using Limits = std::numeric_limits<T>;
  const T high = Limits::has_infinity ? Limits::infinity() : Limits::max();
  const T low = Limits::has_infinity ? static_cast<T>(-Limits::infinity()) : Limits::lowest();
  const T value = kind == SbpKind::PartialMax ? low : kind == SbpKind::PartialMin ? high : T(0);
  std::fill_n(static_cast<T *>(dst), count, value);
}

void fillBits(SbpKind kind, uint16_t infinity, void *dst, int64_t count) {
  const uint16_t value = kind == SbpKind::PartialMax   ? static_cast<uint16_t>(infinity | 0x8000)
                         : kind == SbpKind::PartialMin ? infinity
                                                       : uint16_t(0);
  std::fill_n(static_cast<uint16_t *>(dst), count, value);
}

} // namespace

void copyRegion(DType dtype, const RegionRuns &runs, const void *src, void *dst) {
  const size_t bytes = sizeOf(dtype);
  const char *from = static_cast<const char *>(src);
  char *to = static_cast<char *>(dst);
  runs.forEach([&](int64_t s, int64_t d, int64_t run) {
    std::memcpy(to + static_cast<size_t>(d) * bytes, from + static_cast<size_t>(s) * bytes,
                static_cast<size_t>(run) * bytes);
  });
}

void reduceRegion(DType dtype, SbpKind kind, const RegionRuns &runs, const void *src, void *dst) {
  const size_t bytes = sizeOf(dtype);
  const char *from = static_cast<const char *>(src);
  char *to = static_cast<char *>(dst);
  const ReduceFn reduce = reducerOf(dtype);
  runs.forEach([&](int64_t s, int64_t d, int64_t run) {
    char *out = to + static_cast<size_t>(d) * bytes;
    reduce(kind, out, from + static_cast<size_t>(s) * bytes, out, run);
  });
}

void reduceBuffers(DType dtype, SbpKind kind, const void *const *terms, size_t numTerms, void *dst,
                   int64_t count) {
  const int64_t bytes = static_cast<int64_t>(sizeOf(dtype));
  const ReduceFn reduce = reducerOf(dtype);
  auto at = [&](const void *buffer, int64_t element) {
    return static_cast<const char *>(buffer) + element * bytes;
  };
  constexpr int64_t kBlockBytes = 16 << 10; // stays in the nearest cache from term to term
  const int64_t block = numTerms == 2 ? count : kBlockBytes / bytes;
  for (int64_t i = 0; i < count; i += block) {
    const int64_t n = std::min(block, count - i);
    char *out = static_cast<char *>(dst) + i * bytes;
    reduce(kind, at(terms[0], i), at(terms[1], i), out, n);
    for (size_t t = 2; t < numTerms; ++t)
      reduce(kind, out, at(terms[t], i), out, n);
  }
}

void copyRegion(DType dtype, const Box &region, const void *src, const Box &srcBox, void *dst,
                const Box &dstBox) {
  copyRegion(dtype, RegionRuns(region, srcBox, dstBox), src, dst);
}

void reduceRegion(DType dtype, SbpKind kind, const Box &region, const void *src, const Box &srcBox,
                  void *dst, const Box &dstBox) {
  reduceRegion(dtype, kind, RegionRuns(region, srcBox, dstBox), src, dst);
}

void fillNeutral(DType dtype, SbpKind kind, void *dst, int64_t count) {
  switch (dtype) {
  case DType::F32:
    return fill<float>(kind, dst, count);
  case DType::F64:
    return fill<double>(kind, dst, count);
  case DType::F16:
    return fillBits(kind, 0x7c00, dst, count);
  case DType::BF16:
    return fillBits(kind, 0x7f80, dst, count);
  case DType::I8:
    return fill<int8_t>(kind, dst, count);
  case DType::I32:
    return fill<int32_t>(kind, dst, count);
  case DType::I64:
    return fill<int64_t>(kind, dst, count);
  case DType::U8:
  case DType::Bool:
    return fill<uint8_t>(kind, dst, count);
  }
}

} // namespace of
