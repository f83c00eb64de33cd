// The attributes of a 2-d convolution, its three products and how they are cut into tiles.
//
// Internal to runtime/kernel. Pure.
#pragma once

#include "runtime/base/Geometry.h"
#include "runtime/kernel/cpu/Spec.h"

namespace of::rt::kernel {

enum class ConvKind { Forward, BackwardData, BackwardWeights };

struct ConvShape {
  ConvKind kind = ConvKind::Forward;
  bool nhwc = false;
  int64_t n = 0, c = 0, h = 0, w = 0, o = 0, kh = 0, kw = 0, oh = 0, ow = 0;
  int64_t strideH = 1, strideW = 1;
  int64_t padTop = 0, padLeft = 0, padBottom = 0, padRight = 0;
  int64_t dilationH = 1, dilationW = 1; ///< 1: no holes
  int64_t groups = 1;

  int64_t xElements() const { return n * c * h * w; }
  int64_t wElements() const { return o * (c / groups) * kh * kw; }
  int64_t yElements() const { return n * o * oh * ow; }
  /// A product without elements: nothing to do, or zeros to write.
  bool empty() const { return xElements() == 0 || yElements() == 0 || wElements() == 0; }
};

/// Every channel plane of x is one of im2col's rows, as it lies: one tap, no stride, no padding,
/// NCHW.
bool isPointwise(const ConvShape &shape);

/// Reads and checks the attributes of conv2d_forward, conv2d_backward_data,
/// conv2d_backward_weights.
Result<ConvShape> convShapeOf(const Spec &spec);

/// How many of `samples` to reorder at a time: as many as stay in the cache, but enough to make use
/// of the weights; a divisor of `samples`.
int64_t samplesInCache(const ConvShape &shape, int64_t samples);

/// What one tile computes: some samples, or (for weights) some output channels over all samples.
/// One of the ranges is whole.
struct ConvSlice {
  Range samples;
  Range outChannels;
};

/// Units of work: samples, or blocks of 16 output channels, or groups. Tiles are balanced parts of
/// them.
int64_t convUnits(const ConvShape &shape);
ConvSlice convSlice(const ConvShape &shape, int64_t tiles, int64_t tile);

} // namespace of::rt::kernel
