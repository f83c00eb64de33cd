// Convolutions and their transposes.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"
#include "lib/Import/Onnx/Windows.h"

using namespace mlir;

namespace of::onnx {

static Value addBias(NodeContext &n, Value y) {
  if (!y || !n.has(2))
    return y;
  Value bias = n.in(2);
  if (!bias)
    return {};
  Ints shape(n.rank(y) - 1, 1);
  shape[0] = n.type(bias).getNumElements();
  return n.add(y, n.reshape(bias, shape));
}

// Weights [o, i, kd, kh, kw] as [o, i kd, kh, kw]: the depths of a window are channels.
static Value depthAsChannels(NodeContext &n, Value w) {
  ArrayRef<int64_t> s = n.shape(w);
  return n.reshape(w, {s[0], s[1] * s[2], s[3], s[4]});
}

static Value convolve(NodeContext &n, Value x, Value w, const Windows &windows) {
  SmallVector<NamedAttribute> attributes = windows.attributes(n, false);
  attributes.push_back(n.named("groups", n.integer("group", 1)));
  if (!windows.isVolume()) {
    Value y = n.make<Conv2dOp>({asImages(n, x), asImages(n, w)}, attributes);
    if (!y || windows.numDims() == 2)
      return y;
    return n.reshape(y, {n.shape(y)[0], n.shape(y)[1], n.shape(y)[3]});
  }
  Value stacked = windowsAsChannels(n, x, windows);
  Value y = n.make<Conv2dOp>({depthsApart(n, stacked), depthAsChannels(n, w)}, attributes);
  return depthsTogether(n, y, stacked ? n.shape(stacked)[2] : 1);
}

Value convolution(NodeContext &n, Value x, Value w) {
  if (!x || !w)
    return {};
  if (n.rank(w) != n.rank(x) || n.rank(w) < 3)
    return n.fail("has weights of " + Twine(n.rank(w)) + " dims for images of " + Twine(n.rank(x)));
  std::optional<Windows> windows = windowsOf(n, n.type(x), Ints(n.shape(w).drop_front(2)));
  return windows ? convolve(n, x, w, *windows) : Value();
}

static void conv(NodeContext &n) {
  Value w = n.in(1), y = convolution(n, n.in(0), w);
  if (y && isMadeUp(n.node.inputs[1]) && w.getDefiningOp<ParameterOp>()) {
    if (n.import.hints.foldedNorms++ == 0)
      n.import.hints.firstFolded = n.node.inputs[1].str();
  }
  n.set(0, addBias(n, y));
}

// ---- Transposed: the gradient of a convolution's input
// -------------------------------------------

// As problemOfShape has it.
static constexpr int64_t kMostElements = int64_t(1) << 40;

// Sizes of the result, and the pads that lead to them.
static Ints transposedSizes(NodeContext &n, ArrayRef<int64_t> from, Windows &w) {
  const size_t space = w.numDims();
  Ints extra = n.integers("output_padding").value_or(Ints(space, 0));
  Ints pads = n.integers("pads").value_or(Ints(2 * space, 0));
  std::optional<Ints> wanted = n.integers("output_shape");
  StringRef automatic = n.text("auto_pad", "NOTSET");
  if (wanted && wanted->size() == space + 2)
    wanted->erase(wanted->begin(), wanted->begin() + 2);
  if (extra.size() != space || pads.size() != 2 * space || (wanted && wanted->size() != space))
    return n.fail("has lists that do not fit its images"), Ints();
  for (const Ints &list : {extra, pads, wanted.value_or(Ints())})
    for (int64_t value : list)
      if (value < 0 || value > kMostElements)
        return n.fail("has a size or padding of " + Twine(value)), Ints();
  Ints size;
  for (size_t i = 0; i < space; ++i) {
    if (from[i] > kMostElements / w.strides[i])
      return n.fail("spreads " + Twine(from[i]) + " elements by strides of " + Twine(w.strides[i])),
             Ints();
    int64_t full = (from[i] - 1) * w.strides[i] + extra[i] + w.reach(i);
    w.before[i] = pads[i];
    w.after[i] = pads[space + i];
    if (wanted || automatic.starts_with("SAME")) {
      int64_t target = wanted ? (*wanted)[i] : from[i] * w.strides[i];
      int64_t total = std::max<int64_t>(full - target, 0);
      w.before[i] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
      w.after[i] = total - w.before[i];
    }
    size.push_back(wanted ? (*wanted)[i] : full - w.before[i] - w.after[i]);
  }
  return size;
}

// [n, c kd, d, h, w] to [n, c, size, h, w]: each depth of a window to its place, and added up.
static Value addDepths(NodeContext &n, Value y, const Windows &windows, int64_t size) {
  if (!y)
    return {};
  const int64_t kernel = windows.kernel[0], stride = windows.strides[0], before = windows.before[0];
  if (kernel > kMostDepths)
    return n.fail("has a kernel of " + Twine(kernel) + " depths; up to " + Twine(kMostDepths) +
                  " are written out");
  Ints s(n.shape(y)), low(5, 0), high(5, 0), between(5, 0);
  s[1] /= kernel;
  between[2] = stride - 1;
  Value apart = n.reshape(y, {s[0], s[1], kernel, s[2], s[3], s[4]}), sum;
  for (int64_t k = 0; k < kernel; ++k) {
    low[2] = k * windows.dilations[0];
    int64_t length = low[2] + (s[2] - 1) * stride + 1;
    high[2] = std::max<int64_t>(before + size - length, 0);
    Value part = n.pad(n.reshape(n.sliceDim(apart, 2, k, 1), s), low, high, between);
    part = n.sliceDim(part, 2, before, size);
    sum = sum ? n.add(sum, part) : part;
  }
  return sum;
}

static void convTranspose(NodeContext &n) {
  Value x = n.in(0), w = n.in(1);
  if (!x || !w)
    return;
  std::optional<Windows> windows =
      windowsOf(n, n.type(x), Ints(n.shape(w).drop_front(std::min<int64_t>(2, n.rank(w)))), false);
  if (!windows || n.rank(w) != n.rank(x))
    return (void)n.fail("has weights that do not fit its images");
  Ints size = transposedSizes(n, n.shape(x).drop_front(2), *windows);
  if (n.hasFailed())
    return;
  Ints plane = size.size() == 1 ? Ints{1, size[0]} : Ints(ArrayRef<int64_t>(size).take_back(2));
  SmallVector<NamedAttribute> attributes = windows->attributes(n, false);
  attributes.push_back(n.named("groups", n.integer("group", 1)));
  attributes.push_back(n.named("input_size", ArrayRef<int64_t>(plane)));
  Value y;
  if (windows->isVolume()) {
    y = n.make<Conv2dBackwardDataOp>({depthsApart(n, x), depthAsChannels(n, w)}, attributes);
    y = addDepths(n, depthsTogether(n, y, n.shape(x)[2]), *windows, size[0]);
  } else {
    y = n.make<Conv2dBackwardDataOp>({asImages(n, x), asImages(n, w)}, attributes);
    if (y && size.size() == 1)
      y = n.reshape(y, {n.shape(y)[0], n.shape(y)[1], size[0]});
  }
  n.set(0, addBias(n, y));
}

llvm::ArrayRef<OpEntry> convolutionOps() {
  static constexpr OpEntry table[] = {
      {"Conv", 1, conv},
      {"ConvTranspose", 1, convTranspose},
  };
  return table;
}

} // namespace of::onnx
