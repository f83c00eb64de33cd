#include "runtime/kernel/cpu/Conv.h"

#include <algorithm>

namespace of::rt::kernel {

namespace {

/// A convolution of one tap is a product for each sample, of matrices that lie as they are but for
/// strides; oneDNN would reorder them. Where samples are small, a product pays for the weights
/// again and again, and reordering them once is cheaper. The bounds are measured (README).
bool isProduct(const ConvShape &s, int64_t tiles) {
  if (s.nhwc || s.kh > 1 || s.kw > 1 || s.groups > 1)
    return false;
  constexpr int64_t tinyPixels = 64, smallPixels = 256;
  const int64_t pixels = s.oh * s.ow, samples = s.n / tiles;
  switch (s.kind) {
  case ConvKind::Forward:
    return pixels > tinyPixels || samples < 2;
  case ConvKind::BackwardData:
    return pixels > smallPixels || samples < (pixels > tinyPixels ? 4 : 2);
  case ConvKind::BackwardWeights:
    break; // adds up over all samples in place
  }
  return true;
}

bool isReordered(const Spec &spec, const ConvShape &shape, int64_t tiles) {
  return spec.dtype == DType::F32 && !shape.empty() && !isProduct(shape, tiles);
}

Result<std::unique_ptr<ConvRoutine>> prepareWhole(const Spec &spec, const ConvShape &shape,
                                                  int64_t tiles) {
  if (isReordered(spec, shape, tiles)) {
    OF_ASSIGN(std::unique_ptr<ConvRoutine> dnnl,
              makeConvDnnl(spec, shape, preferredForm(shape), tiles));
    if (dnnl)
      return dnnl;
  }
  return makeConvGemm(spec.dtype, shape, tiles);
}

Result<std::unique_ptr<ConvRoutine>> prepare(const Spec &spec, const ConvShape &shape,
                                             int64_t tiles) {
  const bool inRuns = isReordered(spec, shape, tiles);
  if (!isBySamples(shape, tiles, inRuns))
    return prepareWhole(spec, shape, tiles);
  return makeConvBySamples(spec.dtype, shape, tiles, inRuns,
                           [&](const ConvShape &part) { return prepareWhole(spec, part, 1); });
}

std::vector<BufferNeed> needsOf(const Spec &spec, const ConvShape &s, size_t scratch) {
  const int64_t size = static_cast<int64_t>(sizeOf(spec.dtype));
  const BufferNeed x{s.kind == ConvKind::BackwardData ? "dx" : "x", size * s.xElements()};
  const BufferNeed w{s.kind == ConvKind::BackwardWeights ? "dw" : "w", size * s.wElements()};
  const BufferNeed y{s.kind == ConvKind::Forward ? "y" : "dy", size * s.yElements()};
  const BufferNeed last{"scratch", static_cast<int64_t>(scratch)};
  switch (s.kind) {
  case ConvKind::Forward:
    return {x, w, y, last};
  case ConvKind::BackwardData:
    return {y, w, x, last};
  case ConvKind::BackwardWeights:
    return {x, y, w, last};
  }
  return {};
}

} // namespace

Result<std::unique_ptr<Routine>> makeConv(const Spec &spec, int64_t tiles,
                                          const std::vector<size_t> &bufferBytes) {
  OF_ASSIGN(const ConvShape shape, convShapeOf(spec));
  // Before anything is made for sizes that may be beyond memory; how large the scratch is shows
  // then.
  OF_TRY(checkBuffers(spec, needsOf(spec, shape, 0), bufferBytes));
  OF_ASSIGN(std::unique_ptr<ConvRoutine> routine, prepare(spec, shape, tiles));
  OF_TRY(checkBuffers(spec, needsOf(spec, shape, routine->scratchBytes()), bufferBytes));
  return std::unique_ptr<Routine>(std::move(routine));
}

Result<size_t> convScratchBytes(const Spec &spec, int64_t tiles) {
  OF_ASSIGN(const ConvShape shape, convShapeOf(spec));
  OF_ASSIGN(const std::unique_ptr<ConvRoutine> routine, prepare(spec, shape, tiles));
  return routine->scratchBytes();
}

int64_t convTiles(const Spec &spec) {
  const Result<ConvShape> shape = convShapeOf(spec);
  if (!shape)
    return 1;
  const int64_t several = 2;
  return std::max<int64_t>(1, isBySamples(*shape, several, false) ? shape->n : convUnits(*shape));
}

} // namespace of::rt::kernel
