// Numbers of eight bits that stand for (number - zero point) * scale.
//
// What is rounded has no gradient; what is read back has one, by its scale. Products of such
// numbers are done in double precision, in which their sums are exact.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"
#include "lib/Import/Onnx/Windows.h"

using namespace mlir;

namespace of::onnx {

// A scale or a zero point for a tensor as a whole, or for each place along a dim.
static Value along(NodeContext &n, Value v, Value x, int64_t axis) {
  if (!v || !x)
    return {};
  if (n.type(v).getNumElements() == 1)
    return n.reshape(v, {});
  axis = n.axis(axis, n.rank(x));
  if (n.hasFailed() || n.rank(v) != 1 || n.shape(v)[0] != n.shape(x)[axis])
    return n.fail("has scales or zero points that are neither one nor one for each place of the "
                  "axis; blocks are not known here");
  Ints shape(n.rank(x), 1);
  shape[axis] = n.shape(v)[0];
  return n.reshape(v, shape);
}

static Value less(NodeContext &n, Value x, Value zero) {
  return x && zero ? n.sub(x, n.cast(zero, n.element(x))) : x;
}

static Type eightBits(NodeContext &n, Type type) {
  if (type.isInteger(8))
    return type;
  n.fail("gives elements other than int8 and uint8");
  return {};
}

// Rounded to the nearest, of two the even one, and kept in the range of the type.
static Value rounded(NodeContext &n, Value x, Value zero, Type to) {
  if (!x || !to)
    return {};
  x = n.make<RoundOp>(x);
  x = zero ? n.add(x, n.cast(zero, n.element(x))) : x;
  const double low = to.isUnsignedInteger() ? 0 : -128, high = low + 255;
  x = n.make<ClipOp>(x, {n.named("min", low), n.named("max", high)});
  return n.cast(n.make<StopGradientOp>(x), to);
}

static void quantize(NodeContext &n) {
  Value x = n.in(0), scale = n.in(1);
  if (n.integer("block_size", 0) != 0 || n.integer("precision", 0) != 0)
    n.fail("has blocks or a precision of its own");
  if (!x || !scale || n.hasFailed() || !n.isFloat(x) || n.element(scale) != n.element(x))
    return (void)n.fail("needs floats and a scale of their type");
  const int64_t axis = n.integer("axis", 1), kind = n.integer("output_dtype", 0);
  Value zero = n.has(2) ? n.in(2) : Value();
  Type to = zero   ? n.element(zero)
            : kind ? elementTypeOf(kind, n.b.getContext())
                   : Type(n.b.getIntegerType(8, false));
  to = to ? eightBits(n, to) : to;
  zero = zero ? along(n, zero, x, axis) : zero;
  n.set(0, rounded(n, n.div(x, along(n, scale, x, axis)), zero, to));
}

static void dequantize(NodeContext &n) {
  Value x = n.in(0), scale = n.in(1);
  if (n.integer("block_size", 0) != 0 || n.integer("output_dtype", 0) != 0)
    n.fail("has blocks or elements of another type than its scale");
  if (!x || !scale || n.hasFailed() || n.isFloat(x) || !n.isFloat(scale))
    return (void)n.fail("needs integers and a scale of floats");
  const int64_t axis = n.integer("axis", 1);
  Value y = n.cast(x, n.element(scale));
  y = n.has(2) ? less(n, y, along(n, n.in(2), x, axis)) : y;
  n.set(0, n.mul(y, along(n, scale, x, axis)));
}

// Scale and zero point by the range of the data, with zero in it.
static void dynamicQuantize(NodeContext &n) {
  Value x = n.in(0);
  if (!x || !n.isFloat(x))
    return (void)n.fail("needs floats");
  x = n.make<StopGradientOp>(x);
  Ints all;
  for (int64_t dim = 0; dim < n.rank(x); ++dim)
    all.push_back(dim);
  const NamedAttribute dims = n.named("dims", all);
  Value low = n.make<MinOp>({n.make<ReduceMinOp>(x, dims), n.like(x, 0)});
  Value high = n.make<MaxOp>({n.make<ReduceMaxOp>(x, dims), n.like(x, 0)});
  Value scale = n.mul(n.sub(high, low), 1.0 / 255);
  Type to = n.b.getIntegerType(8, false);
  Value zero = rounded(n, n.div(n.mul(low, -1.0), scale), {}, to);
  n.set(0, rounded(n, n.div(x, scale), zero, to));
  n.set(1, scale);
  n.set(2, zero);
}

// A factor of a product, less its zero point: one, or one for each place along a dim.
static Value factor(NodeContext &n, unsigned input, unsigned zero, int64_t axis) {
  Value x = n.in(input);
  if (!x || n.isFloat(x) || n.rank(x) < 2)
    return n.fail("needs integers of at least two dims");
  Value wide = n.cast(x, n.b.getF64Type());
  return n.has(zero) ? less(n, wide, along(n, n.in(zero), x, axis)) : wide;
}

// Rows of the left matrix and columns of the right one have zero points of their own.
static Value productOf(NodeContext &n, unsigned right, unsigned leftZero, unsigned rightZero) {
  return matrixProduct(n, factor(n, 0, leftZero, -2), factor(n, right, rightZero, -1));
}

// Images have one, weights one for each output channel. Padding is the zero point: nothing.
static Value convolutionOf(NodeContext &n, unsigned weights, unsigned zero, unsigned weightsZero) {
  return convolution(n, factor(n, 0, zero, 1), factor(n, weights, weightsZero, 0));
}

static void integerProduct(NodeContext &n) {
  Value y = productOf(n, 1, 2, 3);
  n.set(0, y ? n.cast(y, n.b.getI32Type()) : y);
}

static void integerConvolution(NodeContext &n) {
  Value y = convolutionOf(n, 1, 2, 3);
  n.set(0, y ? n.cast(y, n.b.getI32Type()) : y);
}

// y times the scales of both factors, as numbers of eight bits. `left` and `right`: the dims of y
// along which the scales of each lie.
static void setQuantized(NodeContext &n, Value y, int64_t left, int64_t right) {
  Value first = n.in(1), second = n.in(4), scale = n.in(6), zero = n.in(7);
  if (!y || !zero || !first || !second || !scale)
    return;
  auto wide = [&](Value v, int64_t axis) { return n.cast(along(n, v, y, axis), n.element(y)); };
  y = n.mul(n.mul(y, wide(first, left)), wide(second, right));
  n.set(0, rounded(n, n.div(y, wide(scale, left)), along(n, zero, y, left),
                   eightBits(n, n.element(zero))));
}

static void quantizedProduct(NodeContext &n) { setQuantized(n, productOf(n, 3, 2, 5), -2, -1); }

// The bias is in units of the product of both scales.
static void quantizedConvolution(NodeContext &n) {
  Value y = convolutionOf(n, 3, 2, 5);
  if (y && n.has(8))
    y = n.add(y, n.cast(along(n, n.in(8), y, 1), n.element(y)));
  setQuantized(n, y, 1, 1);
}

llvm::ArrayRef<OpEntry> quantizationOps() {
  static constexpr OpEntry table[] = {
      {"ConvInteger", 10, integerConvolution, kNoGradient},
      {"DequantizeLinear", 10, dequantize},
      {"DynamicQuantizeLinear", 11, dynamicQuantize, kNoGradient},
      {"MatMulInteger", 10, integerProduct, kNoGradient},
      {"QLinearConv", 10, quantizedConvolution, kNoGradient},
      {"QLinearMatMul", 10, quantizedProduct, kNoGradient},
      {"QuantizeLinear", 10, quantize, kNoGradient},
  };
  return table;
}

} // namespace of::onnx
