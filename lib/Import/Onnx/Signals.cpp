// Windows, Fourier transforms and filter banks of signals.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

#include <cmath>

using namespace mlir;

namespace of::onnx {

// Longer ones would need tables of more elements than are worth multiplying by.
static constexpr int64_t kLongest = 4096;

static constexpr double kTurn = 2 * M_PI;
static constexpr double kFastest = 1e9; ///< samples a second

// A number of samples or bins that an input is known to hold; 0 after an error.
static int64_t countOf(NodeContext &n, unsigned input, int64_t most) {
  std::optional<double> count = n.knownNumber(n.in(input));
  if (count && *count >= 1 && *count <= double(most))
    return static_cast<int64_t>(*count);
  n.fail("needs a number from 1 to " + Twine(most) + " that follows from shapes as input " +
         Twine(input));
  return 0;
}

static Value constantOf(NodeContext &n, ArrayRef<double> values, ArrayRef<int64_t> shape,
                        Type element) {
  SmallVector<Attribute> out;
  for (double value : values)
    out.push_back(n.b.getFloatAttr(element, value));
  return n.constant(DenseElementsAttr::get(RankedTensorType::get(shape, element), out));
}

// The element type that a generator is told to make.
static FloatType floatOf(NodeContext &n) {
  auto type =
      dyn_cast_or_null<FloatType>(elementTypeOf(n.integer("output_datatype", 1), n.b.getContext()));
  if (!type)
    n.fail("makes elements of type " + nameOfElementType(n.integer("output_datatype", 1)));
  return type;
}

// ---- Windows
// -------------------------------------------------------------------------------------

// a - b cos(t) + c cos(2 t), over a whole turn.
static void window(NodeContext &n, double a, double b, double c) {
  const int64_t size = countOf(n, 0, 1 << 16);
  FloatType element = floatOf(n);
  if (n.hasFailed())
    return;
  const int64_t period = n.integer("periodic", 1) ? size : size - 1;
  SmallVector<double> values;
  for (int64_t i = 0; i < size; ++i) {
    const double at = period ? kTurn * double(i) / double(period) : M_PI;
    values.push_back(a - b * std::cos(at) + c * std::cos(2 * at));
  }
  n.set(0, constantOf(n, values, {size}, element));
}

static void hannWindow(NodeContext &n) { window(n, 0.5, 0.5, 0); }
static void hammingWindow(NodeContext &n) { window(n, 25.0 / 46, 21.0 / 46, 0); }
static void blackmanWindow(NodeContext &n) { window(n, 0.42, 0.5, 0.08); }

// ---- Fourier transforms
// --------------------------------------------------------------------------

namespace {
struct Complex {
  Value real, imaginary; ///< null: zero
};

struct Transform {
  int64_t length, bins;
  bool inverse;
};
} // namespace

// Cosines or sines of all products of a place and a bin, in turns of the length.
static Value waves(NodeContext &n, const Transform &t, bool sines) {
  const Ints shape{t.length, t.bins};
  Type element = n.b.getF64Type();
  Value places = n.mul(n.cast(n.iota(shape, 0, n.b.getI64Type()), element),
                       n.cast(n.iota(shape, 1, n.b.getI64Type()), element));
  Value turns = n.make<FloorOp>(n.mul(n.add(places, 0.5), 1 / double(t.length)));
  Value angle = n.mul(n.sub(places, n.mul(turns, double(t.length))), kTurn / double(t.length));
  return sines ? n.make<SinOp>(angle) : n.make<CosOp>(angle);
}

static Value times(NodeContext &n, Value x, Value y) {
  return x ? n.make<MatmulOp>({x, y}) : Value();
}

static Value sumOf(NodeContext &n, Value x, Value y, double sign) {
  if (!y)
    return x;
  y = sign == 1 ? y : n.mul(y, sign);
  return x ? n.add(x, y) : y;
}

// sum of x e^(-i t), along the last dim; of the inverse e^(i t) / length. Term by term, which in
// double precision is as good as a fast transform in single.
static Complex fourier(NodeContext &n, const Complex &given, const Transform &t) {
  Type element = n.element(given.real), wide = n.b.getF64Type();
  const Complex x{n.cast(given.real, wide), n.cast(given.imaginary, wide)};
  Value cosines = waves(n, t, false), sines = waves(n, t, true);
  const double sign = t.inverse ? -1 : 1;
  Complex y{sumOf(n, times(n, x.real, cosines), times(n, x.imaginary, sines), sign),
            sumOf(n, times(n, x.imaginary, cosines), times(n, x.real, sines), -sign)};
  if (t.inverse)
    y = {n.mul(y.real, 1 / double(t.length)), n.mul(y.imaginary, 1 / double(t.length))};
  return {n.cast(y.real, element), n.cast(y.imaginary, element)};
}

// A signal whose last dim says real and imaginary, or real alone; that dim is gone.
static Complex complexOf(NodeContext &n, Value x) {
  Ints shape(n.shape(x));
  const int64_t parts = shape.pop_back_val(), last = shape.size();
  Complex out{n.reshape(n.sliceDim(x, last, 0, 1), shape), {}};
  if (parts == 2)
    out.imaginary = n.reshape(n.sliceDim(x, last, 1, 1), shape);
  return out;
}

static Value fitted(NodeContext &n, Value x, int64_t length) {
  if (!x)
    return x;
  const int64_t last = n.rank(x) - 1, given = n.shape(x)[last];
  if (length <= given)
    return n.sliceDim(x, last, 0, length);
  Ints none(n.rank(x), 0), behind = none;
  behind[last] = length - given;
  return n.pad(x, none, behind);
}

static bool isSignal(NodeContext &n, Value x, unsigned leastRank) {
  if (x && n.isFloat(x) && n.rank(x) >= leastRank &&
      (n.shape(x).back() == 1 || n.shape(x).back() == 2))
    return true;
  n.fail("needs floats whose last dim is 1 for reals or 2 for complex numbers");
  return false;
}

static void dft(NodeContext &n) {
  Value x = n.in(0);
  if (!isSignal(n, x, 2))
    return;
  const int64_t rank = n.rank(x);
  int64_t axis = n.integer("axis", 1);
  if (n.opset >= 20) {
    std::optional<Ints> given = n.has(2) ? n.knownInts(2) : Ints{-2};
    if (!given || given->size() != 1)
      return (void)n.fail("needs a known axis");
    axis = given->front();
  }
  axis = n.axis(axis, rank);
  const bool onesided = n.integer("onesided", 0), inverse = n.integer("inverse", 0);
  if (n.hasFailed())
    return;
  if (axis == rank - 1 || (onesided && (inverse || n.shape(x).back() == 2)))
    return (void)n.fail("goes over the parts of numbers, or takes one side of what has two");
  const int64_t length = n.has(1) ? countOf(n, 1, kLongest) : n.shape(x)[axis];
  if (n.hasFailed() || length < 1 || length > kLongest)
    return (void)n.fail("has a length that is not from 1 to " + Twine(kLongest));
  const Transform t{length, onesided ? length / 2 + 1 : length, inverse};
  // The axis last, and back again: an exchange is its own inverse.
  Ints order;
  for (int64_t dim = 0; dim < rank - 1; ++dim)
    order.push_back(dim);
  std::swap(order[axis], order.back());
  auto along = [&](Value part) {
    return part ? fitted(n, n.transpose(part, order), length) : part;
  };
  const Complex given = complexOf(n, x);
  const Complex y = fourier(n, {along(given.real), along(given.imaginary)}, t);
  n.set(0, n.stack({n.transpose(y.real, order), n.transpose(y.imaginary, order)}, rank - 1));
}

// Transforms of frames that begin a step apart: [n, frames, bins, 2].
static void stft(NodeContext &n) {
  Value x = n.in(0), window = n.has(2) ? n.in(2) : Value();
  if (x && n.rank(x) == 2)
    x = n.reshape(x, {n.shape(x)[0], n.shape(x)[1], 1});
  if (!isSignal(n, x, 3) || n.rank(x) != 3)
    return (void)n.fail("needs signals [n, length] or [n, length, 1 or 2]");
  const int64_t step = countOf(n, 1, kLongest), whole = n.shape(x)[1];
  if (window && n.rank(window) != 1)
    return (void)n.fail("has a window of " + Twine(n.rank(window)) + " dims, not one");
  const int64_t length = n.has(3) ? countOf(n, 3, kLongest) : window ? n.shape(window)[0] : 0;
  const bool onesided = n.integer("onesided", 1);
  if (n.hasFailed())
    return;
  if (length < 1 || length > std::min(whole, kLongest) || (onesided && n.shape(x)[2] == 2) ||
      (window && n.shape(window) != ArrayRef<int64_t>{length}))
    return (void)n.fail("has frames that do not fit its signal or its window, or takes one side of "
                        "a complex signal");
  const int64_t frames = (whole - length) / step + 1;
  if (frames > 1024)
    return (void)n.fail("has " + Twine(frames) + " frames, more than 1024");
  auto framed = [&](Value part) {
    if (!part)
      return part;
    SmallVector<Value> out;
    for (int64_t i = 0; i < frames; ++i)
      out.push_back(n.sliceDim(part, 1, i * step, length));
    Value all = n.stack(out, 1);
    return window ? n.mul(all, n.broadcast(window, n.shape(all))) : all;
  };
  const Complex given = complexOf(n, x);
  const Complex y = fourier(n, {framed(given.real), framed(given.imaginary)},
                            {length, onesided ? length / 2 + 1 : length, false});
  n.set(0, n.stack({y.real, y.imaginary}, 3));
}

// ---- Filter bank
// ---------------------------------------------------------------------------------

static double melOf(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
static double hertzOf(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }

// The bins at which the filters begin and end, as ONNX places them: a step of the whole range over
// their number, which leaves the last below the upper edge.
static Ints melEdges(int64_t filters, int64_t length, double rate, double low, double high) {
  const double begin = melOf(low), step = (melOf(high) - begin) / double(filters + 2);
  Ints out;
  for (int64_t i = 0; i < filters + 2; ++i)
    out.push_back(static_cast<int64_t>(
        std::floor(double(length + 1) * hertzOf(begin + double(i) * step) / rate)));
  return out;
}

// Triangles from one edge over the next to the one behind: [bins, filters].
static void melWeightMatrix(NodeContext &n) {
  const int64_t filters = countOf(n, 0, 1024), length = countOf(n, 1, kLongest);
  const std::optional<double> rate = n.knownNumber(n.in(2)), low = n.knownNumber(n.in(3)),
                              high = n.knownNumber(n.in(4));
  FloatType element = floatOf(n);
  if (n.hasFailed())
    return;
  if (!rate || !low || !high || !(*rate >= 1 && *rate <= kFastest) || !(*low >= 0) ||
      !(*high > *low) || !(*high <= *rate / 2))
    return (void)n.fail("needs a known rate from 1 to 10^9 and known edges from 0 to half of it");
  const int64_t bins = length / 2 + 1;
  const Ints edges = melEdges(filters, length, *rate, *low, *high);
  SmallVector<double> values(bins * filters, 0);
  for (int64_t f = 0; f < filters; ++f) {
    const int64_t from = edges[f], top = edges[f + 1], to = edges[f + 2];
    for (int64_t bin = from; bin < top; ++bin)
      values[bin * filters + f] = double(bin - from) / double(top - from);
    for (int64_t bin = top; bin < to; ++bin)
      values[bin * filters + f] = double(to - bin) / double(to - top);
    if (top < bins)
      values[top * filters + f] = 1;
  }
  n.set(0, constantOf(n, values, {bins, filters}, element));
}

llvm::ArrayRef<OpEntry> signalOps() {
  static constexpr OpEntry table[] = {
      {"BlackmanWindow", 17, blackmanWindow, kNoGradient},
      {"DFT", 17, dft},
      {"HammingWindow", 17, hammingWindow, kNoGradient},
      {"HannWindow", 17, hannWindow, kNoGradient},
      {"MelWeightMatrix", 17, melWeightMatrix, kNoGradient},
      {"STFT", 17, stft},
  };
  return table;
}

} // namespace of::onnx
