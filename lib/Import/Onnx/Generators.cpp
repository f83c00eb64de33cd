// Constants, shapes, and tensors that follow from indices alone.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

using namespace mlir;

namespace of::onnx {

static DenseElementsAttr elementsOf(NodeContext &n, const TensorProto &tensor) {
  StoredTensor stored;
  DenseElementsAttr elements;
  std::string error;
  if (!openTensor(tensor, n.import.files, n.b.getContext(), stored, error) ||
      !stored.load(elements, error))
    n.fail("holds a tensor that cannot be read: " + error);
  return elements;
}

static void constant(NodeContext &n) {
  if (n.hasAttr("sparse_value") || n.hasAttr("value_string") || n.hasAttr("value_strings"))
    return (void)n.fail("holds a sparse tensor or texts");
  Builder &b = n.b;
  auto list = [&](Type element, size_t size) {
    return RankedTensorType::get({static_cast<int64_t>(size)}, element);
  };
  DenseElementsAttr value;
  if (const AttributeProto *floats = n.node.find("value_floats"))
    value = DenseElementsAttr::get(list(b.getF32Type(), floats->floats.size()),
                                   ArrayRef<float>(floats->floats));
  else if (std::optional<Ints> ints = n.integers("value_ints"))
    value = DenseElementsAttr::get(list(b.getI64Type(), ints->size()), ArrayRef<int64_t>(*ints));
  else if (const AttributeProto *number = n.node.find("value_float"))
    value = DenseElementsAttr::get(RankedTensorType::get({}, b.getF32Type()), number->f);
  else if (n.hasAttr("value_int"))
    value = DenseElementsAttr::get(RankedTensorType::get({}, b.getI64Type()),
                                   n.integer("value_int", 0));
  else if (const TensorProto *tensor = n.tensor("value"))
    value = elementsOf(n, *tensor);
  else
    n.fail("has no value");
  if (value && !n.hasFailed())
    n.set(0, n.constant(value));
}

static void constantOfShape(NodeContext &n) {
  std::optional<Ints> shape = n.knownInts(0);
  const TensorProto *tensor = n.tensor("value");
  DenseElementsAttr value = tensor ? elementsOf(n, *tensor) : DenseElementsAttr();
  if (!shape || n.hasFailed())
    return;
  if (std::string problem = problemOfShape(*shape); !problem.empty())
    return (void)n.fail("has a result that cannot be: " + problem);
  if (value && value.getNumElements() != 1)
    return (void)n.fail("has " + Twine(value.getNumElements()) + " values");
  Type element = value ? value.getElementType() : Type(n.b.getF32Type());
  Attribute one = value ? value.getValues<Attribute>()[0] : Attribute(n.b.getF32FloatAttr(0));
  n.set(0, n.constant(DenseElementsAttr::get(RankedTensorType::get(*shape, element), one)));
}

static void shape(NodeContext &n) {
  Value x = n.in(0);
  if (!x)
    return;
  auto within = [&](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? at + n.rank(x) : at, 0, n.rank(x));
  };
  int64_t start = within(n.integer("start", 0)), end = within(n.integer("end", n.rank(x)));
  n.set(0, n.constantInts(n.shape(x).slice(start, std::max<int64_t>(end - start, 0))));
}

static void size(NodeContext &n) {
  Value x = n.in(0);
  if (x)
    n.set(0, n.constant(DenseElementsAttr::get(RankedTensorType::get({}, n.b.getI64Type()),
                                               n.type(x).getNumElements())));
}

static void range(NodeContext &n) {
  std::optional<double> from = n.knownNumber(n.in(0)), to = n.knownNumber(n.in(1)),
                        by = n.knownNumber(n.in(2));
  if (n.hasFailed())
    return;
  if (!from || !to || !by || *by == 0)
    return (void)n.fail("has bounds that do not follow from the shapes of the inputs");
  double count = std::max(0.0, std::ceil((*to - *from) / *by));
  if (!(count <= 1 << 20))
    return (void)n.fail("counts further than 2^20");
  Type element = n.element(n.in(0));
  // Integers that are as they stand in double precision.
  if (!n.isFloat(n.in(0)) && !(std::abs(*from) <= 0x1p53 && std::abs(*by) <= 0x1p53))
    return (void)n.fail("begins or steps beyond 2^53");
  auto type = RankedTensorType::get({static_cast<int64_t>(count)}, element);
  if (isa<FloatType>(element)) {
    Value index = n.cast(n.iota(type.getShape(), 0, n.b.getI64Type()), element);
    return n.set(0, n.add(n.mul(index, *by), *from));
  }
  SmallVector<Attribute> values;
  for (int64_t i = 0; i < static_cast<int64_t>(count); ++i)
    values.push_back(
        IntegerAttr::get(element, static_cast<int64_t>(*from) + i * static_cast<int64_t>(*by)));
  n.set(0, n.constant(DenseElementsAttr::get(type, values)));
}

Value whereDiagonal(NodeContext &n, ArrayRef<int64_t> matrix, StringRef predicate, int64_t k) {
  Type i64 = n.b.getI64Type();
  Value row = n.iota(matrix, 0, i64), column = n.iota(matrix, 1, i64);
  return n.compare(predicate, column, k ? n.add(row, double(k)) : row);
}

static void eyeLike(NodeContext &n) {
  Value x = n.in(0);
  if (!x || n.rank(x) != 2)
    return (void)n.fail("needs a matrix");
  Type element = elementTypeOf(n.integer("dtype", 0), n.b.getContext());
  Value eye = whereDiagonal(n, n.shape(x), "eq", n.integer("k", 0));
  n.set(0, n.cast(eye, element ? element : n.element(x)));
}

static void triangle(NodeContext &n) {
  Value x = n.in(0);
  std::optional<Ints> k = n.has(1) ? n.knownInts(1) : Ints{0};
  if (!x || n.rank(x) < 2 || !k || k->size() != 1)
    return (void)n.fail("needs matrices and a known diagonal");
  Value keeps =
      whereDiagonal(n, n.shape(x).take_back(2), n.integer("upper", 1) ? "ge" : "le", k->front());
  n.set(0, n.select(keeps, x, n.like(x, 0)));
}

static void oneHot(NodeContext &n) {
  Value index = n.in(0), values = n.in(2);
  const double depth = n.has(1) ? n.knownNumber(n.in(1)).value_or(0) : 0;
  if (!index || !values || !(depth >= 1 && depth <= (1 << 30)))
    return (void)n.fail("needs a known depth");
  if (n.rank(values) != 1 || n.shape(values)[0] != 2)
    return (void)n.fail("needs two values, off and on");
  int64_t rank = n.rank(index) + 1, axis = n.axis(n.integer("axis", -1), rank);
  Ints column(n.shape(index)), full;
  column.insert(column.begin() + axis, 1);
  full = column;
  full[axis] = static_cast<int64_t>(depth);
  index = n.cast(index, n.b.getI64Type());
  index = n.select(n.compare("lt", index, n.like(index, 0)), n.add(index, depth), index);
  Value hit = n.compare("eq", n.iota(full, axis, n.b.getI64Type()), n.reshape(index, column));
  Value off = n.reshape(n.sliceDim(values, 0, 0, 1), {}),
        on = n.reshape(n.sliceDim(values, 0, 1, 1), {});
  n.set(0, n.select(hit, on, off));
}

llvm::ArrayRef<OpEntry> generatorOps() {
  static constexpr OpEntry table[] = {
      {"Constant", 1, constant, kNoGradient}, {"ConstantOfShape", 9, constantOfShape, kNoGradient},
      {"EyeLike", 9, eyeLike, kNoGradient},   {"OneHot", 9, oneHot},
      {"Range", 11, range, kNoGradient},      {"Shape", 1, shape, kNoGradient},
      {"Size", 1, size, kNoGradient},         {"Trilu", 14, triangle},
  };
  return table;
}

} // namespace of::onnx
