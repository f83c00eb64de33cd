#include "runtime/kernel/cpu/ConvShape.h"

#include <algorithm>
#include <fmt/format.h>

namespace of::rt::kernel {

namespace {

/// Output channels of one unit when weights are cut: the widest vector block of the library.
constexpr int64_t unitChannels = 16;

constexpr size_t attributeCount = 19;

int64_t outputSize(int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t pads) {
  const int64_t room = size + pads - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

ConvKind kindOf(const std::string &name) {
  if (name == "conv2d_backward_data")
    return ConvKind::BackwardData;
  return name == "conv2d_backward_weights" ? ConvKind::BackwardWeights : ConvKind::Forward;
}

Status checkGeometry(const Spec &spec, const ConvShape &s) {
  OF_TRY(
      checkSizes(spec, {s.n, s.c, s.h, s.w, s.o, s.kh, s.kw, s.strideH, s.strideW, s.padTop,
                        s.padLeft, s.padBottom, s.padRight, s.dilationH, s.dilationW, s.groups}));
  for (int64_t size : {s.kh, s.kw, s.strideH, s.strideW, s.dilationH, s.dilationW, s.groups})
    if (size < 1)
      return malformed(spec,
                       fmt::format("kernel, stride, dilation or groups is {}, under 1", size));
  if (s.c % s.groups != 0 || s.o % s.groups != 0)
    return malformed(spec, fmt::format("{} input and {} output channels are not whole multiples "
                                       "of {} groups",
                                       s.c, s.o, s.groups));
  const int64_t oh = outputSize(s.h, s.kh, s.strideH, s.dilationH, s.padTop + s.padBottom);
  const int64_t ow = outputSize(s.w, s.kw, s.strideW, s.dilationW, s.padLeft + s.padRight);
  if (oh != s.oh || ow != s.ow)
    return malformed(spec, fmt::format("output is {}x{}, but its other attributes give {}x{}", s.oh,
                                       s.ow, oh, ow));
  // The tensors, and the matrix that a sample becomes.
  for (const Shape &shape : {Shape{s.n, s.c, s.h, s.w}, Shape{s.n, s.o, s.oh, s.ow},
                             Shape{s.o, s.c, s.kh, s.kw}, Shape{s.c, s.kh, s.kw, s.oh, s.ow}})
    if (!bytesOfShape(shape, sizeOf(spec.dtype)))
      return malformed(spec, "its tensors are larger than any memory");
  return Status::ok();
}

} // namespace

Result<ConvShape> convShapeOf(const Spec &spec) {
  OF_TRY(checkAttributes(spec, attributeCount, 0));
  if (spec.dtype != DType::F32 && spec.dtype != DType::F64)
    return malformed(spec, "is there for f32 and f64 only");
  const std::vector<int64_t> &v = spec.ints;
  if (v[0] != 0 && v[0] != 1)
    return malformed(spec, fmt::format("layout {} is neither NCHW (0) nor NHWC (1)", v[0]));
  ConvShape s;
  s.kind = kindOf(spec.name);
  s.nhwc = v[0] == 1;
  int64_t *const fields[] = {&s.n,         &s.c,         &s.h,       &s.w,         &s.o,
                             &s.kh,        &s.kw,        &s.oh,      &s.ow,        &s.strideH,
                             &s.strideW,   &s.padTop,    &s.padLeft, &s.padBottom, &s.padRight,
                             &s.dilationH, &s.dilationW, &s.groups};
  for (size_t i = 0; i + 1 < attributeCount; ++i)
    *fields[i] = v[i + 1];
  OF_TRY(checkGeometry(spec, s));
  return s;
}

bool isPointwise(const ConvShape &s) {
  return !s.nhwc && s.kh == 1 && s.kw == 1 && s.strideH == 1 && s.strideW == 1 && s.oh == s.h &&
         s.ow == s.w && s.padTop == 0 && s.padLeft == 0;
}

int64_t samplesInCache(const ConvShape &s, int64_t samples) {
  constexpr int64_t cacheBytes = 1 << 20;
  const int64_t size = static_cast<int64_t>(sizeof(float));
  const int64_t sample = size * (s.xElements() + s.yElements()) / s.n;
  const int64_t room = std::max(cacheBytes, 2 * size * s.wElements());
  int64_t run = std::clamp<int64_t>(room / sample, 1, samples);
  while (samples % run != 0)
    --run;
  return run;
}

int64_t convUnits(const ConvShape &s) {
  if (s.kind != ConvKind::BackwardWeights)
    return s.n;
  return s.groups > 1 ? s.groups : (s.o + unitChannels - 1) / unitChannels;
}

ConvSlice convSlice(const ConvShape &s, int64_t tiles, int64_t tile) {
  const Range units = balancedPart({0, convUnits(s)}, tiles, tile);
  if (s.kind != ConvKind::BackwardWeights)
    return {units, {0, s.o}};
  const int64_t channels = s.groups > 1 ? s.o / s.groups : unitChannels;
  return {{0, s.n}, {std::min(units.begin * channels, s.o), std::min(units.end * channels, s.o)}};
}

} // namespace of::rt::kernel
