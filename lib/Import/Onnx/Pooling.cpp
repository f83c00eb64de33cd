// Poolings, where their maxima lie, and back.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"
#include "lib/Import/Onnx/Windows.h"

#include <limits>

using namespace mlir;

namespace of::onnx {

// A window of a volume is pooled over its plane and then over its depth: the first maximum stays
// the first, and the number of elements is the product of both.
template <class Op>
static Value pool(NodeContext &n, Value x, const Windows &windows,
                  ArrayRef<NamedAttribute> options) {
  auto slide = [&](Value images, const Windows &w) {
    SmallVector<NamedAttribute> attributes = w.attributes(n, true);
    llvm::append_range(attributes, options);
    return n.make<Op>(images, attributes);
  };
  Ints s(n.shape(x));
  if (!windows.isVolume()) {
    Value y = slide(asImages(n, x), windows);
    return y && s.size() == 3 ? n.reshape(y, {s[0], s[1], n.shape(y)[3]}) : y;
  }
  Value planes = slide(n.reshape(x, {s[0], s[1] * s[2], s[3], s[4]}), windows);
  if (!planes)
    return {};
  const int64_t h = n.shape(planes)[2], w = n.shape(planes)[3];
  Value y = slide(n.reshape(planes, {s[0], s[1], s[2], h * w}), windows.alone(0));
  return y ? n.reshape(y, {s[0], s[1], n.shape(y)[2], h, w}) : Value();
}

static SmallVector<NamedAttribute> options(NodeContext &n, bool countsPads) {
  SmallVector<NamedAttribute> out;
  if (n.integer("ceil_mode", 0))
    out.push_back(n.flag("ceil_mode"));
  if (countsPads)
    out.push_back(n.flag("count_include_pad"));
  return out;
}

static void averagePool(NodeContext &n) {
  Value x = n.in(0);
  if (!x)
    return;
  if (std::optional<Windows> windows = windowsOf(n, n.type(x), std::nullopt))
    n.set(0, pool<AvgPool2dOp>(n, x, *windows, options(n, n.integer("count_include_pad", 0))));
}

// ---- Where maxima lie
// ----------------------------------------------------------------------------

static constexpr int64_t kMostPlaces = 1024;

namespace {
/// Elements of windows by their place in the flattened images.
struct Flat {
  Ints perStep;   ///< of each dim of the images
  Ints perWindow; ///< from one result to the next
};
} // namespace

// `columns`: the first space dim varies fastest, as storage_order 1 says.
static Flat flatOf(ArrayRef<int64_t> shape, ArrayRef<int64_t> results, const Windows &windows,
                   bool columns) {
  Flat out{Ints(shape.size(), 1), {}};
  int64_t step = 1;
  for (size_t i = 0; i < windows.numDims(); ++i) {
    size_t dim = columns ? 2 + i : shape.size() - 1 - i;
    out.perStep[dim] = step;
    step *= shape[dim];
  }
  out.perStep[1] = step;
  out.perStep[0] = step * shape[1];
  out.perWindow = out.perStep;
  for (size_t i = 0; i < windows.numDims(); ++i) // from one result to itself it is no step
    out.perWindow[2 + i] *= results[2 + i] > 1 ? windows.strides[i] : 1;
  return out;
}

// Element k of each window, of images that are padded so far that all windows lie within.
static Value elementOfWindows(NodeContext &n, Value padded, const Windows &windows, int64_t k,
                              ArrayRef<int64_t> results, const Flat &flat, int64_t &offset) {
  Ints starts(results.size(), 0), steps(results.size(), 1);
  offset = 0;
  for (size_t i = windows.numDims(); i-- > 0; k /= windows.kernel[i]) {
    starts[2 + i] = k % windows.kernel[i] * windows.dilations[i];
    steps[2 + i] = windows.strides[i];
    offset += (starts[2 + i] - windows.before[i]) * flat.perStep[2 + i];
  }
  return n.slice(padded, starts, results, steps);
}

// For each window the place of its first maximum `y` in the flattened images `x`.
static Value placesOfMaxima(NodeContext &n, Value x, Value y, const Windows &windows) {
  if (!y)
    return {};
  int64_t count = 1;
  Ints low(n.rank(x), 0), high(n.rank(x), 0), results(n.shape(y));
  for (size_t i = 0; i < windows.numDims(); ++i) {
    count *= windows.kernel[i];
    low[2 + i] = windows.before[i];
    int64_t end = (results[2 + i] - 1) * windows.strides[i] + windows.reach(i);
    high[2 + i] = std::max<int64_t>(end - windows.before[i] - n.shape(x)[2 + i], 0);
  }
  if (count > kMostPlaces)
    return n.fail("gives the places of maxima of windows of " + Twine(count) + " elements; up to " +
                  Twine(kMostPlaces) + " are written out");
  Value padded = n.pad(x, low, high, {}, -std::numeric_limits<double>::infinity());
  if (!padded) // too large, and then its places are no numbers
    return {};
  const Flat flat = flatOf(n.shape(x), results, windows, n.integer("storage_order", 0));
  Value base, places;
  for (int64_t dim = 0; dim < n.rank(y); ++dim) {
    Value part = n.mul(n.iota(results, dim, n.b.getI64Type()), double(flat.perWindow[dim]));
    base = base ? n.add(base, part) : part;
  }
  for (int64_t k = count; k-- > 0;) { // the first wins
    int64_t offset = 0;
    Value element = elementOfWindows(n, padded, windows, k, results, flat, offset);
    Value place = n.add(base, double(offset));
    places = places ? n.select(n.compare("eq", element, y), place, places) : place;
  }
  return places;
}

static void maxPool(NodeContext &n) {
  Value x = n.in(0);
  if (!x)
    return;
  std::optional<Windows> windows = windowsOf(n, n.type(x), std::nullopt);
  if (!windows)
    return;
  // Integers, as images come in, are exact in f32.
  Value images = n.isFloat(x) ? x : n.cast(x, n.b.getF32Type());
  if (!n.isFloat(x) && n.element(x).getIntOrFloatBitWidth() > 8)
    return (void)n.fail("pools integers of more than 8 bits");
  Value y = pool<MaxPool2dOp>(n, images, *windows, options(n, false));
  n.set(0, n.cast(y, n.element(x)));
  if (n.wants(1))
    n.set(1, placesOfMaxima(n, images, y, *windows));
}

// Values back to the places they came from. A place that is named twice got the same value twice.
static void maxUnpool(NodeContext &n) {
  Value x = n.in(0), places = n.in(1);
  if (!x || !places || n.shape(x) != n.shape(places) || !n.isFloat(x))
    return (void)n.fail("needs a place for each of its values, which are floating-point numbers");
  std::optional<Windows> windows = windowsOf(n, n.type(x), std::nullopt);
  std::optional<Ints> wanted = n.has(2) ? n.knownInts(2) : std::nullopt;
  if (!windows || n.hasFailed())
    return;
  Ints shape(n.shape(x)), high(n.rank(x), 0);
  for (size_t i = 0; i < windows->numDims(); ++i) {
    if (shape[2 + i] > (int64_t(1) << 40) / windows->strides[i])
      return (void)n.fail("has strides of " + Twine(windows->strides[i]) + " between " +
                          Twine(shape[2 + i]) + " elements");
    shape[2 + i] = (shape[2 + i] - 1) * windows->strides[i] + windows->kernel[i] -
                   windows->before[i] - windows->after[i];
  }
  if (std::string problem = problemOfShape(shape); !problem.empty())
    return (void)n.fail("has a result that cannot be: " + problem);
  int64_t rows = 1;
  for (int64_t dim : shape)
    rows *= dim;
  const int64_t count = n.type(x).getNumElements();
  NamedAttribute size = n.named("rows", rows);
  Value index = n.reshape(places, {count});
  Value sum = n.make<EmbeddingBackwardOp>({index, n.reshape(x, {count})}, size);
  Value ones = n.splat(RankedTensorType::get({count}, n.element(x)), 1);
  Value times = n.make<EmbeddingBackwardOp>({index, ones}, size);
  Value y = n.reshape(n.div(sum, n.make<MaxOp>({times, n.like(x, 1)})), shape);
  for (int64_t dim = 0; wanted && dim < n.rank(x); ++dim) {
    if (static_cast<int64_t>(wanted->size()) != n.rank(x) || (*wanted)[dim] < shape[dim])
      return (void)n.fail("has an output_shape that is smaller than what its windows cover");
    high[dim] = (*wanted)[dim] - shape[dim];
  }
  n.set(0, n.pad(y, Ints(n.rank(x), 0), high));
}

// Columns of blocks [n, c kernel, blocks] put where the blocks lie in an image, added where they
// overlap: for each element of the kernel a grid with gaps, moved by its place.
static void columnsToImage(NodeContext &n) {
  Value x = n.in(0);
  std::optional<Ints> size = n.knownInts(1), block = n.knownInts(2);
  if (!x || !size || !block || n.rank(x) != 3 || size->size() != block->size())
    return (void)n.fail("needs columns [n, c kernel, blocks], a known image size and kernel");
  Ints shape{n.shape(x)[0], 1};
  llvm::append_range(shape, *size);
  if (std::string problem = problemOfShape(shape); !problem.empty())
    return (void)n.fail("makes an image that cannot be: " + problem);
  std::optional<Windows> w = windowsOf(n, RankedTensorType::get(shape, n.element(x)), *block);
  if (!w)
    return;
  int64_t count = 1, blocks = 1;
  Ints grid;
  for (size_t i = 0; i < w->numDims() && count <= kMostPlaces; ++i) {
    count = w->kernel[i] > kMostPlaces ? kMostPlaces + 1 : count * w->kernel[i];
    grid.push_back(count > kMostPlaces ? 0 : w->outputSize(i, (*size)[i], false));
    const int64_t columns = n.shape(x)[2]; // once there are more, they stay more
    blocks = grid.back() && blocks > columns / grid.back() ? columns + 1 : blocks * grid.back();
  }
  if (count > kMostPlaces)
    return (void)n.fail("has a kernel of more than " + Twine(kMostPlaces) +
                        " elements, which are written out");
  if (blocks < 1 || n.shape(x)[1] % count || n.shape(x)[2] != blocks)
    return (void)n.fail("has columns " + Twine(n.shape(x)[1]) + " x " + Twine(n.shape(x)[2]) +
                        " that do not fit kernels of " + Twine(count) + " elements at " +
                        Twine(blocks) + " places");
  const int64_t channels = n.shape(x)[1] / count;
  Ints part{shape[0], channels};
  llvm::append_range(part, grid);
  Value columns = n.reshape(x, {shape[0], channels, count, blocks}), sum;
  for (int64_t k = 0; k < count && columns; ++k) {
    Ints low(2, 0), high(2, 0), between(2, 0);
    for (size_t i = 0, rest = k, each = count; i < w->numDims(); ++i) {
      each /= w->kernel[i];
      low.push_back(rest / each * w->dilations[i]);
      rest %= each;
      between.push_back(w->strides[i] - 1);
      high.push_back((*size)[i] + w->before[i] + w->after[i] - low.back() -
                     ((grid[i] - 1) * w->strides[i] + 1));
    }
    Value moved = n.pad(n.reshape(n.sliceDim(columns, 2, k, 1), part), low, high, between);
    sum = sum ? n.add(sum, moved) : moved;
  }
  for (size_t i = 0; i < w->numDims() && sum; ++i)
    sum = n.sliceDim(sum, 2 + i, w->before[i], (*size)[i]);
  n.set(0, sum);
}

// ---- Norms and whole images
// ----------------------------------------------------------------------

static Value root(NodeContext &n, Value x, double p) {
  return p == 1 ? x : p == 2 ? n.make<SqrtOp>(x) : n.make<PowOp>({x, n.like(x, 1 / p)});
}
static Value powerOfSize(NodeContext &n, Value x, double p) {
  if (p == 2)
    return n.make<SquareOp>(x);
  Value size = n.make<AbsOp>(x);
  return p == 1 ? size : n.make<PowOp>({size, n.like(size, p)});
}

// The sum of a window is its mean times its elements, padding and all: what ceil_mode adds behind
// becomes padding.
static void lpPool(NodeContext &n) {
  Value x = n.in(0);
  double p = n.integer("p", 2), elements = 1;
  if (!x || p < 1)
    return (void)n.fail("has p below 1");
  std::optional<Windows> windows = windowsOf(n, n.type(x), std::nullopt);
  if (!windows)
    return;
  for (size_t i = 0; i < windows->numDims(); ++i) {
    const int64_t size = n.shape(x)[2 + i];
    int64_t out = windows->outputSize(i, size, n.integer("ceil_mode", 0));
    int64_t end = (out - 1) * windows->strides[i] + windows->reach(i);
    windows->after[i] = std::max(windows->after[i], end - size - windows->before[i]);
    elements *= windows->kernel[i];
  }
  Value mean = pool<AvgPool2dOp>(n, powerOfSize(n, x, p), *windows, n.flag("count_include_pad"));
  n.set(0, root(n, n.mul(mean, elements), p));
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

llvm::ArrayRef<OpEntry> poolingOps() {
  static constexpr OpEntry table[] = {
      {"AveragePool", 1, averagePool},
      {"Col2Im", 18, columnsToImage},
      {"GlobalAveragePool", 1, globalPool<ReduceMeanOp>},
      {"GlobalLpPool", 2, globalLpPool},
      {"GlobalMaxPool", 1, globalPool<ReduceMaxOp>},
      {"LpPool", 2, lpPool},
      {"MaxPool", 1, maxPool},
      {"MaxUnpool", 9, maxUnpool},
  };
  return table;
}

} // namespace of::onnx
