// Windows over images as ONNX ops describe them: kernel, strides, dilations, pads; 1 to 3 space
// dims.
//
// Ops here slide over planes. A line [n, c, w] becomes an image of height 1. A volume [n, c, d, h,
// w] becomes one image for each depth: convolutions take the depths of a window as channels,
// poolings go over the plane and then over the depth.
#pragma once

#include "lib/Import/Onnx/NodeContext.h"

namespace of::onnx {

/// Of the window of a volume: they are written out.
inline constexpr int64_t kMostDepths = 1024;

struct Windows {
  Ints kernel, strides, dilations; ///< one for each space dim
  Ints before, after;              ///< pads

  size_t numDims() const { return kernel.size(); }
  bool isVolume() const { return numDims() == 3; }
  /// Results along a space dim of `size` elements; ceil: a last window may reach beyond the padding
  /// behind, but starts before it.
  int64_t outputSize(size_t dim, int64_t size, bool ceil) const;
  /// Elements from the first to the last of a window.
  int64_t reach(size_t dim) const { return dilations[dim] * (kernel[dim] - 1) + 1; }
  /// What ops on images ask for: the last two dims, or those of an image of height 1.
  llvm::SmallVector<mlir::NamedAttribute> attributes(NodeContext &n, bool withKernel) const;
  /// The same for one dim as the rows of an image of columns that are taken one by one.
  Windows alone(size_t dim) const;
};

/// What the node says for images of this type; `kernel`: where it does not say. Nothing after an
/// error. Transposed convolutions read their pads themselves.
std::optional<Windows> windowsOf(NodeContext &n, mlir::RankedTensorType images,
                                 std::optional<Ints> kernel, bool readPads = true);

/// [n, c, w] as [n, c, 1, w]; images as they are.
Value asImages(NodeContext &n, Value x);
/// [n, c, d, h, w] as [n d, c, h, w], and back with d given.
Value depthsApart(NodeContext &n, Value volumes);
Value depthsTogether(NodeContext &n, Value images, int64_t depths);
/// The depths of each window as channels: [n, c, d, h, w] as [n, c kd, od, h, w].
Value windowsAsChannels(NodeContext &n, Value volumes, const Windows &windows);

/// The convolution of images or volumes that the node says, without a bias.
Value convolution(NodeContext &n, Value x, Value w);

} // namespace of::onnx
