#include "lib/Import/Onnx/Windows.h"

using namespace mlir;

namespace of::onnx {

// ---- As ops here want them
// -----------------------------------------------------------------------

int64_t Windows::outputSize(size_t dim, int64_t size, bool ceil) const {
  int64_t room = size + before[dim] + after[dim] - reach(dim);
  if (room < 0)
    return 0;
  int64_t out = (ceil ? room + strides[dim] - 1 : room) / strides[dim] + 1;
  return ceil && (out - 1) * strides[dim] >= size + before[dim] ? out - 1 : out;
}

SmallVector<NamedAttribute> Windows::attributes(NodeContext &n, bool withKernel) const {
  auto plane = [&](ArrayRef<int64_t> list, int64_t otherwise) {
    return list.size() == 1 ? Ints{otherwise, list[0]} : Ints(list.take_back(2));
  };
  Ints pads = plane(before, 0);
  pads.append(plane(after, 0));
  SmallVector<NamedAttribute> out{n.named("strides", plane(strides, 1)),
                                  n.named("dilations", plane(dilations, 1)), n.named("pads", pads)};
  if (withKernel)
    out.push_back(n.named("kernel", plane(kernel, 1)));
  return out;
}

Windows Windows::alone(size_t dim) const {
  return {
      {kernel[dim], 1}, {strides[dim], 1}, {dilations[dim], 1}, {before[dim], 0}, {after[dim], 0}};
}

// ---- As a node has them
// --------------------------------------------------------------------------

// A list of one number for each space dim; the same everywhere where left out.
static Ints perDim(NodeContext &n, StringRef name, size_t count, int64_t otherwise) {
  Ints out = n.integers(name).value_or(Ints(count, otherwise));
  if (out.size() != count)
    n.fail("has " + Twine(out.size()) + " " + name + " for " + Twine(count) + " numbers");
  for (int64_t value : out)
    if (value < 0 || value > (1 << 30))
      n.fail("has " + name + " of " + Twine(value));
  return out;
}

// SAME: as many results as strides fit, the odd element of padding behind (UPPER) or before.
static void padAutomatically(Windows &w, ArrayRef<int64_t> space, bool isUpper) {
  for (size_t i = 0; i < space.size(); ++i) {
    int64_t out = (space[i] + w.strides[i] - 1) / w.strides[i];
    int64_t total = std::max<int64_t>((out - 1) * w.strides[i] + w.reach(i) - space[i], 0);
    w.before[i] = isUpper ? total / 2 : total - total / 2;
    w.after[i] = total - w.before[i];
  }
}

std::optional<Windows> windowsOf(NodeContext &n, RankedTensorType images,
                                 std::optional<Ints> kernel, bool readPads) {
  const size_t space = images.getRank() < 2 ? 0 : images.getRank() - 2;
  if (space < 1 || space > 3)
    return n.fail("works on images of " + Twine(space) + " space dims; there are ops for 1 to 3"),
           std::nullopt;
  if (images.getNumElements() == 0)
    return n.fail("works on images without an element"), std::nullopt;
  Windows w;
  w.kernel = n.hasAttr("kernel_shape") || !kernel ? perDim(n, "kernel_shape", space, 0) : *kernel;
  if (w.kernel.size() != space && !n.hasFailed())
    return n.fail("has a kernel of " + Twine(w.kernel.size()) + " dims for images of " +
                  Twine(space)),
           std::nullopt;
  w.strides = perDim(n, "strides", space, 1);
  w.dilations = perDim(n, "dilations", space, 1);
  StringRef automatic = n.text("auto_pad", "NOTSET");
  Ints pads =
      readPads && automatic == "NOTSET" ? perDim(n, "pads", 2 * space, 0) : Ints(2 * space, 0);
  for (size_t i = 0; i < space && !n.hasFailed(); ++i)
    if (w.kernel[i] < 1 || w.strides[i] < 1 || w.dilations[i] < 1)
      n.fail("has a kernel, stride or dilation of 0");
  if (n.hasFailed())
    return std::nullopt;
  w.before.assign(pads.begin(), pads.begin() + space);
  w.after.assign(pads.begin() + space, pads.end());
  if (readPads && automatic.starts_with("SAME"))
    padAutomatically(w, images.getShape().drop_front(2), automatic == "SAME_UPPER");
  return w;
}

// ---- Lines and volumes as images
// -----------------------------------------------------------------

Value asImages(NodeContext &n, Value x) {
  if (!x || n.rank(x) != 3)
    return x;
  ArrayRef<int64_t> s = n.shape(x);
  return n.reshape(x, {s[0], s[1], 1, s[2]});
}

Value depthsApart(NodeContext &n, Value volumes) {
  Value out = n.transpose(volumes, {0, 2, 1, 3, 4});
  if (!out)
    return {};
  ArrayRef<int64_t> s = n.shape(out);
  return n.reshape(out, {s[0] * s[1], s[2], s[3], s[4]});
}

Value depthsTogether(NodeContext &n, Value images, int64_t depths) {
  if (!images)
    return {};
  ArrayRef<int64_t> s = n.shape(images);
  return n.transpose(n.reshape(images, {s[0] / depths, depths, s[1], s[2], s[3]}), {0, 2, 1, 3, 4});
}

Value windowsAsChannels(NodeContext &n, Value volumes, const Windows &windows) {
  if (!volumes)
    return {};
  Ints low(5, 0), high(5, 0);
  low[2] = windows.before[0];
  high[2] = windows.after[0];
  Ints sizes(n.shape(volumes)), starts(5, 0), steps(5, 1);
  sizes[2] = windows.outputSize(0, sizes[2], false);
  if (sizes[2] < 1)
    return n.fail("has a kernel that reaches over more than its volumes");
  if (windows.kernel[0] > kMostDepths)
    return n.fail("has a kernel of " + Twine(windows.kernel[0]) + " depths; up to " +
                  Twine(kMostDepths) + " are written out");
  steps[2] = windows.strides[0];
  Value padded = n.pad(volumes, low, high);
  SmallVector<Value> parts;
  for (int64_t k = 0; k < windows.kernel[0]; ++k) {
    starts[2] = k * windows.dilations[0];
    parts.push_back(n.reshape(n.slice(padded, starts, sizes, steps),
                              {sizes[0], sizes[1], 1, sizes[2], sizes[3], sizes[4]}));
  }
  sizes[1] *= windows.kernel[0];
  return n.reshape(n.concat(parts, 2), sizes);
}

} // namespace of::onnx
