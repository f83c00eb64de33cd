// The largest and smallest along an axis: where they are, and the first few of them in order.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

#include <limits>

using namespace mlir;

namespace of::onnx {

static constexpr int64_t kMostTaken = 256;

static Value extreme(NodeContext &n, Value x, int64_t axis, bool isMax) {
  SmallVector<NamedAttribute> attributes{n.named("dims", Ints{axis}), n.flag("keepdims")};
  return isMax ? n.make<ReduceMaxOp>(x, attributes) : n.make<ReduceMinOp>(x, attributes);
}

// The first place along the axis where `holds`, or the last.
static Value placeWhere(NodeContext &n, Value holds, int64_t axis, bool last) {
  if (!holds)
    return {};
  Value index = n.iota(n.shape(holds), axis, n.b.getI64Type());
  Value none = n.like(index, last ? -1 : n.shape(holds)[axis]);
  return extreme(n, n.select(holds, index, none), axis, last);
}

// Where the extreme is first, or last; as argmax of floats and integers.
static Value indexOf(NodeContext &n, Value x, int64_t axis, bool isMax, bool last) {
  return placeWhere(n, n.compare("eq", x, extreme(n, x, axis, isMax)), axis, last);
}

template <bool isMax> static void argExtreme(NodeContext &n) {
  Value x = n.in(0);
  if (!x)
    return;
  int64_t axis = n.axis(n.integer("axis", 0), n.rank(x));
  Value index =
      n.hasFailed() ? Value() : indexOf(n, x, axis, isMax, n.integer("select_last_index", 0));
  if (!index || n.integer("keepdims", 1))
    return n.set(0, index);
  Ints shape(n.shape(index));
  shape.erase(shape.begin() + axis);
  n.set(0, n.reshape(index, shape));
}

static void hardmax(NodeContext &n) {
  Value x = n.in(0);
  if (!x)
    return;
  int64_t axis = n.axis(n.integer("axis", n.opset < 13 ? 1 : -1), n.rank(x));
  if (n.opset < 13 && axis != n.rank(x) - 1)
    return (void)n.fail("works on a matrix cut at its axis, as before opset 13");
  if (n.hasFailed())
    return;
  Value index = indexOf(n, x, axis, true, false);
  Value hit = n.compare("eq", n.iota(n.shape(x), axis, n.b.getI64Type()), index);
  n.set(0, n.cast(hit, n.element(x)));
}

// The value below (or above) all others of a type.
static Value end(NodeContext &n, Value x, bool lowest) {
  const double infinity = std::numeric_limits<double>::infinity();
  auto integer = dyn_cast<IntegerType>(n.element(x));
  if (!integer)
    return n.like(x, lowest ? -infinity : infinity);
  const unsigned width = integer.getWidth();
  APInt value = integer.isUnsigned()
                    ? (lowest ? APInt::getMinValue(width) : APInt::getMaxValue(width))
                    : (lowest ? APInt::getSignedMinValue(width) : APInt::getSignedMaxValue(width));
  return n.constant(DenseElementsAttr::get(RankedTensorType::get({}, integer), value));
}

// One after the other: the extreme of those not taken yet, of equals the first.
static void topK(NodeContext &n) {
  Value x = n.in(0);
  std::optional<Ints> given = n.knownInts(1);
  if (!x || !given || given->size() != 1 || n.rank(x) < 1)
    return (void)n.fail("needs a known number to take along an axis");
  const int64_t axis = n.axis(n.integer("axis", -1), n.rank(x)), k = given->front();
  const bool isMax = n.integer("largest", 1);
  if (n.hasFailed())
    return;
  if (k < 1 || k > kMostTaken || k > n.shape(x)[axis])
    return (void)n.fail("takes " + Twine(k) + " of " + Twine(n.shape(x)[axis]) + "; from 1 to " +
                        Twine(kMostTaken) + " of them are taken one by one");
  SmallVector<Value> places;
  Value left, values = n.make<StopGradientOp>(x);
  while (static_cast<int64_t>(places.size()) < k && !n.hasFailed()) {
    Value rest = left ? n.select(left, values, end(n, x, isMax)) : values;
    Value hit = n.compare("eq", rest, extreme(n, rest, axis, isMax));
    hit = left ? n.make<AndOp>({hit, left}) : hit;
    places.push_back(placeWhere(n, hit, axis, false));
    Value others = n.compare("ne", n.iota(n.shape(x), axis, n.b.getI64Type()), places.back());
    left = left ? n.make<AndOp>({left, others}) : others;
  }
  Value index = n.hasFailed() ? Value() : n.concat(places, axis);
  n.set(0, index ? gatherAlong(n, x, index, axis) : Value());
  n.set(1, index);
}

llvm::ArrayRef<OpEntry> selectionOps() {
  static constexpr OpEntry table[] = {
      {"ArgMax", 1, argExtreme<true>, kNoGradient},
      {"ArgMin", 1, argExtreme<false>, kNoGradient},
      {"Hardmax", 1, hardmax, kNoGradient},
      {"TopK", 10, topK},
  };
  return table;
}

} // namespace of::onnx
