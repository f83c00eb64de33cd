// Windows that slide over images: what convolutions and poolings share. Internal to dialects/Of.
//
// Sizes follow ONNX: out = floor((in + pads - dilation (kernel - 1) - 1) / stride) + 1, or ceil
// where asked for, less one if the last window would start in the padding behind the image (as
// PyTorch).
#pragma once

#include "dialects/Of/Of.h"

#include <array>

namespace of {

/// Dims of a batch of images.
struct ImageDims {
  int n, c, h, w;
};

struct Window {
  std::array<int64_t, 2> size, stride, dilation;
  std::array<int64_t, 4> pads; ///< top, left, bottom, right
  bool ceil = false;

  /// Rows (axis 0) or columns (axis 1) of the output; dynamic for a dynamic input.
  int64_t outputSize(int64_t input, unsigned axis) const;
  int64_t before(unsigned axis) const { return pads[axis]; }
  int64_t after(unsigned axis) const { return pads[2 + axis]; }
};

/// Attributes as ops have them: strides and dilations of two, pads of four. Errors name `op`.
mlir::FailureOr<Window> makeWindow(std::optional<mlir::Location> loc, llvm::StringRef op,
                                   llvm::ArrayRef<int64_t> size, llvm::ArrayRef<int64_t> strides,
                                   llvm::ArrayRef<int64_t> pads, llvm::ArrayRef<int64_t> dilations,
                                   bool ceil = false);

/// "nchw" or "nhwc".
mlir::FailureOr<ImageDims> imageDims(std::optional<mlir::Location> loc, llvm::StringRef op,
                                     llvm::StringRef layout);
ImageDims imageDims(llvm::StringRef layout);

/// [n, c, h, w] in the order of the layout.
llvm::SmallVector<int64_t> imageShape(ImageDims dims, int64_t n, int64_t c, int64_t h, int64_t w);

/// Rank 4 and floats.
mlir::LogicalResult checkImages(std::optional<mlir::Location> loc, llvm::StringRef op,
                                mlir::Value images);

} // namespace of
