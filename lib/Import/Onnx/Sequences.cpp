// Sequences of tensors: their lengths and places are known now, so that a sequence is a list of
// values while the model is read, and nothing when it has been.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

using namespace mlir;

namespace of::onnx {

// Where input i points among `size` tensors, counted from the back where negative; -1 after an
// error. The end where left out.
static int64_t placeOf(NodeContext &n, unsigned i, int64_t size, int64_t end) {
  std::optional<Ints> known = n.has(i) ? n.knownInts(i) : Ints{end};
  if (!known || known->size() != 1) {
    n.fail("has a place that is no known integer");
    return -1;
  }
  const int64_t given = known->front(), place = given < 0 ? given + size : given;
  if (place >= 0 && place <= end)
    return place;
  n.fail("names tensor " + Twine(given) + " of a sequence of " + Twine(size));
  return -1;
}

static void sequenceEmpty(NodeContext &n) { n.set(0, n.asSequence({})); }
static void sequenceConstruct(NodeContext &n) { n.set(0, n.asSequence(n.allInputs())); }

static void sequenceAt(NodeContext &n) {
  std::optional<SmallVector<Value>> tensors = n.sequence(0);
  if (!tensors)
    return;
  const int64_t size = tensors->size(), place = placeOf(n, 1, size, size - 1);
  n.set(0, place < 0 ? Value() : (*tensors)[place]);
}

static void sequenceInsert(NodeContext &n) {
  std::optional<SmallVector<Value>> tensors = n.sequence(0);
  Value added = n.in(1);
  if (!tensors || !added)
    return;
  const int64_t place = placeOf(n, 2, tensors->size(), tensors->size());
  if (place >= 0)
    tensors->insert(tensors->begin() + place, added);
  n.set(0, n.asSequence(*tensors));
}

static void sequenceErase(NodeContext &n) {
  std::optional<SmallVector<Value>> tensors = n.sequence(0);
  if (!tensors)
    return;
  const int64_t size = tensors->size(), place = placeOf(n, 1, size, size - 1);
  if (place >= 0)
    tensors->erase(tensors->begin() + place);
  n.set(0, n.asSequence(*tensors));
}

static void sequenceLength(NodeContext &n) {
  if (std::optional<SmallVector<Value>> tensors = n.sequence(0))
    n.set(0, n.splat(RankedTensorType::get({}, n.b.getI64Type()), tensors->size()));
}

// ---- From a tensor, and back
// ---------------------------------------------------------------------

static Value withoutDim(NodeContext &n, Value x, int64_t dim) {
  if (!x)
    return {};
  Ints shape(n.shape(x));
  shape.erase(shape.begin() + dim);
  return n.reshape(x, shape);
}

static constexpr int64_t kMostParts = 4096;

// Parts of a number of elements each, or as many as a list says; parts of one without their dim
// where nothing is said and keepdims is 0.
static void splitToSequence(NodeContext &n) {
  Value x = n.in(0);
  std::optional<Ints> given = n.has(1) ? n.knownInts(1) : std::nullopt;
  const int64_t axis = x ? n.axis(n.integer("axis", 0), n.rank(x)) : 0;
  if (n.hasFailed())
    return;
  const int64_t size = n.shape(x)[axis];
  const bool isList = given && n.rank(n.in(1)) == 1, drops = !given && !n.integer("keepdims", 1);
  const int64_t each = !given ? 1 : given->empty() ? 0 : given->front();
  if (!isList && each < 1)
    return (void)n.fail("cuts parts of " + Twine(each) + " elements");
  if (!isList && (size - 1) / each >= kMostParts)
    return (void)n.fail("cuts " + Twine(size) + " elements into more than " + Twine(kMostParts) +
                        " parts, which are taken one by one");
  Ints sizes = isList ? *given : Ints();
  for (int64_t at = 0; !isList && at < size; at += each)
    sizes.push_back(std::min(each, size - at));
  SmallVector<Value> parts;
  int64_t at = 0;
  for (int64_t part : sizes) {
    if (part < 0 || part > size - at)
      break;
    Value cut = n.sliceDim(x, axis, at, part);
    parts.push_back(drops ? withoutDim(n, cut, axis) : cut);
    at += part;
  }
  if (at != size)
    return (void)n.fail("cuts " + Twine(size) + " elements into parts that do not add up");
  n.set(0, n.asSequence(parts));
}

static void concatFromSequence(NodeContext &n) {
  std::optional<SmallVector<Value>> tensors = n.sequence(0);
  if (!tensors)
    return;
  if (tensors->empty())
    return (void)n.fail("joins an empty sequence");
  const bool isNew = n.integer("new_axis", 0);
  const int64_t axis = n.axis(n.integer("axis", 0), n.rank(tensors->front()) + isNew);
  if (!n.hasFailed())
    n.set(0, isNew ? n.stack(*tensors, axis) : n.concat(*tensors, axis));
}

// ---- Optional values: here they are there
// ---------------------------------------------------------

static void passOn(NodeContext &n) {
  if (!n.has(0))
    return (void)n.fail("has no element");
  n.set(0, n.any(0));
}
static void hasElement(NodeContext &n) {
  n.set(0, n.splat(RankedTensorType::get({}, n.b.getI1Type()), n.has(0)));
}

llvm::ArrayRef<OpEntry> sequenceOps() {
  static constexpr OpEntry table[] = {
      {"ConcatFromSequence", 11, concatFromSequence},
      {"Optional", 15, passOn},
      {"OptionalGetElement", 15, passOn},
      {"OptionalHasElement", 15, hasElement, kNoGradient},
      {"SequenceAt", 11, sequenceAt},
      {"SequenceConstruct", 11, sequenceConstruct},
      {"SequenceEmpty", 11, sequenceEmpty},
      {"SequenceErase", 11, sequenceErase},
      {"SequenceInsert", 11, sequenceInsert},
      {"SequenceLength", 11, sequenceLength, kNoGradient},
      {"SplitToSequence", 11, splitToSequence},
  };
  return table;
}

} // namespace of::onnx
