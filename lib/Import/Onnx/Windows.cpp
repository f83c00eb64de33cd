#include "lib/Import/Onnx/Windows.h"

using namespace mlir;

namespace of::onnx {

SmallVector<NamedAttribute> Windows::attributes(NodeContext &n, bool withKernel) const {
  SmallVector<NamedAttribute> out{n.named("strides", ArrayRef<int64_t>(strides)),
                                  n.named("dilations", ArrayRef<int64_t>(dilations)),
                                  n.named("pads", ArrayRef<int64_t>(pads))};
  if (withKernel)
    out.push_back(n.named("kernel", ArrayRef<int64_t>(kernel)));
  return out;
}

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
    int64_t reach = (out - 1) * w.strides[i] + w.dilations[i] * (w.kernel[i] - 1) + 1;
    int64_t total = std::max<int64_t>(reach - space[i], 0), less = total / 2;
    w.pads[i] = isUpper ? less : total - less;
    w.pads[space.size() + i] = total - w.pads[i];
  }
}

std::optional<Windows> windowsOf(NodeContext &n, RankedTensorType images,
                                 std::optional<Ints> kernel, bool readPads) {
  size_t space = images.getRank() < 2 ? 0 : images.getRank() - 2;
  if (space != 1 && space != 2)
    return n.fail("works on images of " + Twine(space) + " space dims; there are ops for 1 and 2"),
           std::nullopt;
  Windows w;
  w.isLine = space == 1;
  w.kernel = n.hasAttr("kernel_shape") || !kernel ? perDim(n, "kernel_shape", space, 0) : *kernel;
  w.strides = perDim(n, "strides", space, 1);
  w.dilations = perDim(n, "dilations", space, 1);
  StringRef automatic = n.text("auto_pad", "NOTSET");
  w.pads = readPads && automatic == "NOTSET" ? perDim(n, "pads", 2 * space, 0) : Ints(2 * space, 0);
  for (size_t i = 0; i < space && !n.hasFailed(); ++i)
    if (w.kernel[i] < 1 || w.strides[i] < 1 || w.dilations[i] < 1)
      n.fail("has a kernel, stride or dilation of 0");
  if (n.hasFailed())
    return std::nullopt;
  if (readPads && automatic.starts_with("SAME"))
    padAutomatically(w, images.getShape().drop_front(2), automatic == "SAME_UPPER");
  if (w.isLine) {
    for (Ints *list : {&w.kernel, &w.strides, &w.dilations})
      list->insert(list->begin(), 1);
    w.pads = {0, w.pads[0], 0, w.pads[1]};
  }
  return w;
}

Value asImages(NodeContext &n, Value line) {
  if (!line || n.rank(line) != 3)
    return line;
  ArrayRef<int64_t> s = n.shape(line);
  return n.reshape(line, {s[0], s[1], 1, s[2]});
}

Value asLine(NodeContext &n, Value images) {
  if (!images)
    return {};
  ArrayRef<int64_t> s = n.shape(images);
  return n.reshape(images, {s[0], s[1], s[3]});
}

} // namespace of::onnx
