// Resizing images: along each dim a result is one element (nearest) or a weighted sum of some
// (linear, cubic), whose places and weights are known now.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

#include <cmath>

using namespace mlir;

namespace of::onnx {

static constexpr int64_t kMostPlaces = 1 << 16;

// Places far beyond an image are as good as others beyond it.
static double bounded(double place) { return place > -0x1p50 ? std::min(place, 0x1p50) : -0x1p50; }

namespace {
/// How a dim is resized.
struct Stretch {
  int64_t from, to;
  double scale;
  StringRef coordinates;
  double begin = 0, end = 1; ///< of tf_crop_and_resize: the part that is resized

  /// Where result i lies in the input.
  double place(int64_t i) const { return bounded(whole(i)); }

private:
  double whole(int64_t i) const {
    if (coordinates == "asymmetric")
      return i / scale;
    if (coordinates == "align_corners")
      return to == 1 ? 0 : double(i) * (from - 1) / (to - 1);
    if (coordinates == "pytorch_half_pixel" && to <= 1)
      return 0;
    if (coordinates == "tf_half_pixel_for_nn")
      return (i + 0.5) / scale;
    if (coordinates == "tf_crop_and_resize")
      return to > 1 ? begin * (from - 1) + i * (end - begin) * (from - 1) / (to - 1)
                    : 0.5 * (begin + end) * (from - 1);
    if (coordinates == "half_pixel_symmetric") // as much cut off at both ends
      return from / 2.0 * (1 - to / (scale * from)) + (i + 0.5) / scale - 0.5;
    return (i + 0.5) / scale - 0.5;
  }
};
} // namespace

static int64_t nearest(double place, StringRef mode) {
  if (mode == "floor")
    return std::floor(place);
  if (mode == "ceil")
    return std::ceil(place);
  if (mode == "round_prefer_ceil")
    return std::floor(place + 0.5);
  return std::ceil(place - 0.5); // round_prefer_floor
}

static Value pick(NodeContext &n, Value x, int64_t dim, ArrayRef<int64_t> places) {
  const int64_t size = n.shape(x)[dim], times = places.size() / std::max<int64_t>(size, 1);
  bool isRepeated = size * times == static_cast<int64_t>(places.size());
  for (size_t i = 0; isRepeated && i < places.size(); ++i)
    isRepeated = places[i] == static_cast<int64_t>(i) / times;
  if (isRepeated) { // a whole number of copies of each
    Ints column(n.shape(x)), spread, out(n.shape(x));
    column.insert(column.begin() + dim + 1, 1);
    spread = column;
    spread[dim + 1] = times;
    out[dim] = size * times;
    return n.reshape(n.broadcast(n.reshape(x, column), spread), out);
  }
  Ints forward{dim}, back;
  for (int64_t d = 0; d < n.rank(x); ++d) {
    if (d != dim)
      forward.push_back(d);
    back.push_back(d == dim ? 0 : d < dim ? d + 1 : d);
  }
  Value rows = n.make<EmbeddingOp>({n.transpose(x, forward), n.constantInts(places)});
  return n.transpose(rows, back);
}

static Value stretchNearest(NodeContext &n, Value x, int64_t dim, const Stretch &s,
                            StringRef mode) {
  Ints places;
  for (int64_t i = 0; i < s.to; ++i)
    places.push_back(std::clamp<int64_t>(nearest(s.place(i), mode), 0, s.from - 1));
  return pick(n, x, dim, places);
}

namespace {
/// How much an element counts that lies at a distance from the place of a result.
struct Kernel {
  bool isCubic;
  double a; ///< of Keys 1981, cubic convolution
  double reach() const { return isCubic ? 2 : 1; }

  double operator()(double distance) const {
    const double d = std::abs(distance);
    if (d >= reach())
      return 0;
    if (!isCubic)
      return 1 - d;
    return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  }
};
} // namespace

static constexpr int64_t kMostTaps = 256, kMostWeights = 1 << 19;

// A sum over the elements that a result reaches; those outside count as the one at the edge, or not
// at all. Antialiased, a kernel is as much wider as the image becomes smaller.
static Value stretchBy(NodeContext &n, Value x, int64_t dim, const Stretch &s,
                       const Kernel &kernel) {
  const bool skipsOutside = n.integer("exclude_outside", 0);
  const double narrow = n.integer("antialias", 0) ? std::min(s.scale, 1.0) : 1;
  const int64_t half = std::ceil(kernel.reach() / narrow), taps = 2 * half;
  if (taps > kMostTaps || taps * s.to > kMostWeights)
    return n.fail("sums " + Twine(taps) + " elements for each of " + Twine(s.to) + " results");
  std::vector<Ints> places(taps);
  std::vector<std::vector<double>> weights(taps);
  for (int64_t i = 0; i < s.to; ++i) {
    const double place = s.place(i);
    const int64_t first = static_cast<int64_t>(std::floor(place)) - half + 1;
    double sum = 0;
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t at = first + t, inside = std::clamp<int64_t>(at, 0, s.from - 1);
      weights[t].push_back(skipsOutside && at != inside ? 0 : kernel((at - place) * narrow));
      places[t].push_back(inside);
      sum += weights[t].back();
    }
    for (std::vector<double> &w : weights)
      w.back() /= sum == 0 ? 1 : sum;
  }
  Ints column(n.rank(x), 1);
  column[dim] = s.to;
  const auto type = RankedTensorType::get(column, n.element(x));
  Value out;
  for (int64_t t = 0; t < taps; ++t) {
    if (llvm::all_of(weights[t], [](double w) { return w == 0; }))
      continue;
    SmallVector<Attribute> shares;
    for (double w : weights[t])
      shares.push_back(n.b.getFloatAttr(n.element(x), w));
    Value part =
        n.mul(pick(n, x, dim, places[t]), n.constant(DenseElementsAttr::get(type, shares)));
    out = out ? n.add(out, part) : part;
  }
  return out;
}

// What lies beyond the input is a number.
static Value withoutBeyond(NodeContext &n, Value x, int64_t dim, const Stretch &s) {
  Ints column(n.rank(x), 1);
  column[dim] = s.to;
  SmallVector<bool> isWithin;
  for (int64_t i = 0; i < s.to; ++i)
    isWithin.push_back(s.place(i) >= 0 && s.place(i) <= s.from - 1);
  if (llvm::all_of(isWithin, [](bool inside) { return inside; }))
    return x;
  Value inside = n.constant(DenseElementsAttr::get(RankedTensorType::get(column, n.b.getI1Type()),
                                                   ArrayRef<bool>(isWithin)));
  return n.select(inside, x, n.like(x, n.number("extrapolation_value", 0)));
}

static std::optional<SmallVector<double>> knownNumbers(NodeContext &n, unsigned i) {
  DenseElementsAttr elements = n.has(i) ? n.import.firstElements(n.in(i)) : DenseElementsAttr();
  if (!elements || !isa<FloatType>(elements.getElementType()) || !elements.getNumElements() ||
      elements.getNumElements() > 16)
    return std::nullopt;
  SmallVector<double> out;
  for (const APFloat &value : elements.getValues<APFloat>())
    out.push_back(elements.getElementType().isF64() ? value.convertToDouble()
                                                    : double(value.convertToFloat()));
  return out;
}

// How each of the node's axes is resized; nothing after an error.
static std::optional<SmallVector<Stretch>> stretchesOf(NodeContext &n, Value x, const Ints &axes,
                                                       StringRef coordinates) {
  const bool isOld = n.opset < 11;
  std::optional<SmallVector<double>> scales = knownNumbers(n, isOld ? 1 : 2),
                                     part = isOld ? std::nullopt : knownNumbers(n, 1);
  std::optional<Ints> sizes = !scales && !isOld && n.has(3) ? n.knownInts(3) : std::nullopt;
  const size_t given = scales ? scales->size() : sizes ? sizes->size() : 0;
  if (n.hasFailed() || given != axes.size())
    return n.fail("needs a known scale or size for each dim"), std::nullopt;
  const bool isPart = coordinates == "tf_crop_and_resize";
  if (isPart && (!part || part->size() != 2 * axes.size()))
    return n.fail("needs a known part of the input (roi) to resize"), std::nullopt;
  // One scale for all, so that no side is larger than asked for, or none smaller.
  const StringRef policy = n.text("keep_aspect_ratio_policy", "stretch");
  std::optional<double> common;
  for (size_t i = 0; sizes && policy != "stretch" && i < axes.size(); ++i) {
    const double scale = double((*sizes)[i]) / std::max<int64_t>(n.shape(x)[axes[i]], 1);
    common = !common                  ? scale
             : policy == "not_larger" ? std::min(*common, scale)
                                      : std::max(*common, scale);
  }
  SmallVector<Stretch> out;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t from = n.shape(x)[axes[i]];
    const double scale = scales   ? (*scales)[i]
                         : common ? *common
                                  : double((*sizes)[i]) / std::max<int64_t>(from, 1);
    const double to = scales   ? std::floor(from * scale)
                      : common ? std::floor(from * scale + 0.5)
                               : double((*sizes)[i]);
    if (!(to >= 1 && to <= kMostPlaces) || from < 1)
      return n.fail("resizes dim " + Twine(axes[i]) + " of " + Twine(from) + " by " +
                    std::to_string(scale)),
             std::nullopt;
    // Its corners would lie between elements.
    if (coordinates == "align_corners" && scales && to != from * scale)
      return n.fail("aligns corners of a size that is no whole number"), std::nullopt;
    out.push_back({from, static_cast<int64_t>(to), scale, coordinates});
    if (isPart) {
      out.back().begin = (*part)[i];
      out.back().end = (*part)[axes.size() + i];
    }
  }
  return out;
}

static void resize(NodeContext &n) {
  Value x = n.in(0);
  const bool isOld = n.opset < 11;
  StringRef mode = n.text("mode", "nearest");
  StringRef coordinates =
      n.text("coordinate_transformation_mode", isOld ? "asymmetric" : "half_pixel");
  if (!x || !n.isFloat(x) || (mode != "nearest" && mode != "linear" && mode != "cubic"))
    return (void)n.fail("resizes by mode '" + mode +
                        "'; there are nearest, linear and cubic, of floating-point numbers");
  Ints axes = n.integers("axes").value_or(Ints());
  for (int64_t &axis : axes)
    axis = n.axis(axis, n.rank(x));
  for (int64_t dim = 0; !n.hasAttr("axes") && dim < n.rank(x); ++dim)
    axes.push_back(dim);
  std::optional<SmallVector<Stretch>> stretches = stretchesOf(n, x, axes, coordinates);
  if (!stretches || n.hasFailed())
    return;
  const Kernel kernel{mode == "cubic", n.number("cubic_coeff_a", -0.75)};
  StringRef rounding = n.text("nearest_mode", isOld ? "floor" : "round_prefer_floor");
  for (auto [dim, s] : llvm::zip(axes, *stretches)) {
    if (!x || (s.from == s.to && s.scale == 1 && coordinates != "tf_crop_and_resize"))
      continue;
    x = mode == "nearest" ? stretchNearest(n, x, dim, s, rounding)
                          : stretchBy(n, x, dim, s, kernel);
    if (x && coordinates == "tf_crop_and_resize")
      x = withoutBeyond(n, x, dim, s);
  }
  n.set(0, x);
}

llvm::ArrayRef<OpEntry> resizeOps() {
  static constexpr OpEntry table[] = {
      {"Resize", 10, resize},
      {"Upsample", 9, resize},
  };
  return table;
}

} // namespace of::onnx
