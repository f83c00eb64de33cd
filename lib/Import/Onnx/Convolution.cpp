// Convolutions and poolings.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"
#include "lib/Import/Onnx/Windows.h"

#include <cmath>

using namespace mlir;

namespace of::onnx {

// ---- Convolution
// ---------------------------------------------------------------------------------

static Value addBias(NodeContext &n, Value y) {
  if (!y || !n.has(2))
    return y;
  Value bias = n.in(2);
  return bias ? n.add(y, n.reshape(bias, {n.type(bias).getNumElements(), 1, 1})) : Value();
}

static void conv(NodeContext &n) {
  Value x = n.in(0), w = n.in(1);
  if (!x || !w)
    return;
  if (n.rank(w) != n.rank(x))
    return (void)n.fail("has weights of " + Twine(n.rank(w)) + " dims for images of " +
                        Twine(n.rank(x)));
  std::optional<Windows> windows = windowsOf(n, n.type(x), Ints(n.shape(w).drop_front(2)));
  if (!windows)
    return;
  if (isMadeUp(n.node.inputs[1]) && w.getDefiningOp<ParameterOp>()) {
    if (n.import.hints.foldedNorms++ == 0)
      n.import.hints.firstFolded = n.node.inputs[1].str();
  }
  SmallVector<NamedAttribute> attributes = windows->attributes(n, false);
  attributes.push_back(n.named("groups", n.integer("group", 1)));
  Value y = addBias(n, n.make<Conv2dOp>({asImages(n, x), asImages(n, w)}, attributes));
  n.set(0, windows->isLine ? asLine(n, y) : y);
}

// The gradient of a convolution's input.
static void convTranspose(NodeContext &n) {
  Value x = n.in(0), w = n.in(1);
  if (!x || !w)
    return;
  std::optional<Windows> windows =
      windowsOf(n, n.type(x), Ints(n.shape(w).drop_front(std::min<int64_t>(2, n.rank(w)))), false);
  if (!windows || n.rank(w) != n.rank(x))
    return (void)n.fail("has weights that do not fit its images");
  size_t space = n.rank(x) - 2;
  Ints extra = n.integers("output_padding").value_or(Ints(space, 0));
  Ints pads = n.integers("pads").value_or(Ints(2 * space, 0));
  std::optional<Ints> wanted = n.integers("output_shape");
  StringRef automatic = n.text("auto_pad", "NOTSET");
  if (wanted && wanted->size() == space + 2)
    wanted->erase(wanted->begin(), wanted->begin() + 2);
  if (extra.size() != space || pads.size() != 2 * space || (wanted && wanted->size() != space))
    return (void)n.fail("has lists that do not fit its images");
  Ints size;
  for (size_t i = 0; i < space; ++i) {
    size_t at = windows->isLine ? 1 : i;
    int64_t full = (n.shape(x)[2 + i] - 1) * windows->strides[at] + extra[i] +
                   windows->dilations[at] * (windows->kernel[at] - 1) + 1;
    if (wanted || automatic.starts_with("SAME")) {
      int64_t target = wanted ? (*wanted)[i] : n.shape(x)[2 + i] * windows->strides[at];
      int64_t total = std::max<int64_t>(full - target, 0);
      bool isUpper = automatic == "SAME_UPPER";
      pads[i] = isUpper ? total / 2 : total - total / 2;
      pads[space + i] = total - pads[i];
    }
    size.push_back(wanted ? (*wanted)[i] : full - pads[i] - pads[space + i]);
  }
  if (windows->isLine) {
    size.insert(size.begin(), 1);
    pads = {0, pads[0], 0, pads[1]};
  }
  windows->pads = pads;
  SmallVector<NamedAttribute> attributes = windows->attributes(n, false);
  attributes.push_back(n.named("groups", n.integer("group", 1)));
  attributes.push_back(n.named("input_size", ArrayRef<int64_t>(size)));
  Value y = addBias(n, n.make<Conv2dBackwardDataOp>({asImages(n, x), asImages(n, w)}, attributes));
  n.set(0, windows->isLine ? asLine(n, y) : y);
}

// ---- Pooling
// -------------------------------------------------------------------------------------

template <class Op>
static Value pool(NodeContext &n, Value x, const Windows &windows, bool countsPads) {
  SmallVector<NamedAttribute> attributes = windows.attributes(n, true);
  if (n.integer("ceil_mode", 0))
    attributes.push_back(n.flag("ceil_mode"));
  if (countsPads)
    attributes.push_back(n.flag("count_include_pad"));
  Value y = n.make<Op>(asImages(n, x), attributes);
  return windows.isLine ? asLine(n, y) : y;
}

static void maxPool(NodeContext &n) {
  Value x = n.in(0);
  if (!x)
    return;
  if (std::optional<Windows> windows = windowsOf(n, n.type(x), std::nullopt))
    n.set(0, pool<MaxPool2dOp>(n, x, *windows, false));
}

static void averagePool(NodeContext &n) {
  Value x = n.in(0);
  if (!x)
    return;
  if (std::optional<Windows> windows = windowsOf(n, n.type(x), std::nullopt))
    n.set(0, pool<AvgPool2dOp>(n, x, *windows, n.integer("count_include_pad", 0)));
}

static Value root(NodeContext &n, Value x, double p) {
  return p == 1 ? x : p == 2 ? n.make<SqrtOp>(x) : n.make<PowOp>({x, n.like(x, 1 / p)});
}
static Value powerOfSize(NodeContext &n, Value x, double p) {
  if (p == 2)
    return n.make<SquareOp>(x);
  Value size = n.make<AbsOp>(x);
  return p == 1 ? size : n.make<PowOp>({size, n.like(size, p)});
}

static void lpPool(NodeContext &n) {
  Value x = n.in(0);
  double p = n.integer("p", 2);
  if (!x || p < 1)
    return (void)n.fail("has p below 1");
  std::optional<Windows> windows = windowsOf(n, n.type(x), std::nullopt);
  if (!windows)
    return;
  Value mean = pool<AvgPool2dOp>(n, powerOfSize(n, x, p), *windows, true);
  n.set(0, root(n, n.mul(mean, double(windows->kernel[0] * windows->kernel[1])), p));
}

static Ints spaceDims(NodeContext &n, Value x) {
  Ints dims;
  for (int64_t dim = 2; x && dim < n.rank(x); ++dim)
    dims.push_back(dim);
  if (dims.empty())
    n.fail("needs images [n, c, ...]");
  return dims;
}

template <class Op> static void globalPool(NodeContext &n) {
  Value x = n.in(0);
  n.set(0,
        n.make<Op>(x, {n.named("dims", ArrayRef<int64_t>(spaceDims(n, x))), n.flag("keepdims")}));
}

static void globalLpPool(NodeContext &n) {
  Value x = n.in(0);
  double p = n.integer("p", 2);
  if (p < 1)
    return (void)n.fail("has p below 1");
  n.set(0, root(n, n.sum(powerOfSize(n, x, p), spaceDims(n, x), true), p));
}

llvm::ArrayRef<OpEntry> convolutionOps() {
  static constexpr OpEntry table[] = {
      {"AveragePool", 1, averagePool},
      {"Conv", 1, conv},
      {"ConvTranspose", 1, convTranspose},
      {"GlobalAveragePool", 1, globalPool<ReduceMeanOp>},
      {"GlobalLpPool", 2, globalLpPool},
      {"GlobalMaxPool", 1, globalPool<ReduceMaxOp>},
      {"LpPool", 2, lpPool},
      {"MaxPool", 1, maxPool},
  };
  return table;
}

} // namespace of::onnx
