#include "dialects/Of/Window.h"

#include "dialects/Of/Build.h"

using namespace mlir;

namespace of {

int64_t Window::outputSize(int64_t input, unsigned axis) const {
  if (ShapedType::isDynamic(input))
    return input;
  int64_t room = input + before(axis) + after(axis) - dilation[axis] * (size[axis] - 1) - 1;
  if (room < 0)
    return 0;
  if (!ceil)
    return room / stride[axis] + 1;
  int64_t out = (room + stride[axis] - 1) / stride[axis] + 1;
  return (out - 1) * stride[axis] >= input + before(axis) ? out - 1 : out;
}

FailureOr<Window> makeWindow(std::optional<Location> loc, StringRef op, ArrayRef<int64_t> size,
                             ArrayRef<int64_t> strides, ArrayRef<int64_t> pads,
                             ArrayRef<int64_t> dilations, bool ceil) {
  if (size.size() != 2 || strides.size() != 2 || dilations.size() != 2 || pads.size() != 4)
    return (void)emitOptionalError(loc, op,
                                   ": needs two kernel sizes, strides and dilations and four pads "
                                   "(top, left, bottom, right)"),
           failure();
  auto under = [](ArrayRef<int64_t> list, int64_t least) {
    return llvm::any_of(list, [&](int64_t v) { return v < least; });
  };
  if (under(size, 1) || under(strides, 1) || under(dilations, 1) || under(pads, 0))
    return (void)emitOptionalError(
               loc, op, ": kernel sizes, strides and dilations are at least 1, pads at least 0"),
           failure();
  Window w{{size[0], size[1]}, {strides[0], strides[1]}, {dilations[0], dilations[1]}, {}, ceil};
  llvm::copy(pads, w.pads.begin());
  return w;
}

ImageDims imageDims(StringRef layout) {
  return layout == "nhwc" ? ImageDims{0, 3, 1, 2} : ImageDims{0, 1, 2, 3};
}

FailureOr<ImageDims> imageDims(std::optional<Location> loc, StringRef op, StringRef layout) {
  if (layout != "nchw" && layout != "nhwc")
    return (void)emitOptionalError(loc, op, ": layout '", layout, "' is neither nchw nor nhwc"),
           failure();
  return imageDims(layout);
}

SmallVector<int64_t> imageShape(ImageDims dims, int64_t n, int64_t c, int64_t h, int64_t w) {
  SmallVector<int64_t> shape(4);
  shape[dims.n] = n;
  shape[dims.c] = c;
  shape[dims.h] = h;
  shape[dims.w] = w;
  return shape;
}

LogicalResult checkImages(std::optional<Location> loc, StringRef op, Value images) {
  auto type = tensorType(images);
  if (type.getRank() != 4 || !isa<FloatType>(type.getElementType()))
    return emitOptionalError(loc, op, ": works on images of rank 4 and a float type, got ", type);
  return success();
}

} // namespace of
