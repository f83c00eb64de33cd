// Elements picked and placed by integers. All of it is rows of a table: of.embedding picks them,
// its gradient adds them up.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

using namespace mlir;

namespace of::onnx {

static int64_t product(ArrayRef<int64_t> dims) {
  int64_t out = 1;
  for (int64_t dim : dims)
    out *= dim;
  return out;
}

// Indices count from the back where negative.
static Value wrapped(NodeContext &n, Value index, int64_t size) {
  if (!index)
    return {};
  if (!isa<IntegerType>(n.element(index)))
    return n.fail("has indices that are no integers");
  if (DenseElementsAttr known = n.known(index)) {
    bool isGood = llvm::all_of(known.getValues<APInt>(), [&](const APInt &v) {
      return v.getSExtValue() >= -size && v.getSExtValue() < size;
    });
    if (!isGood)
      return n.fail("has an index beyond the " + Twine(size) + " elements of its axis");
    if (llvm::none_of(known.getValues<APInt>(), [](const APInt &v) { return v.isNegative(); }))
      return index;
  }
  return n.select(n.compare("lt", index, n.like(index, 0)), n.add(index, double(size)), index);
}

// ---- Gather
// --------------------------------------------------------------------------------------

// Of values that are known now, in one dim: shapes.
static Value gatherKnown(NodeContext &n, DenseElementsAttr x, DenseElementsAttr index) {
  SmallVector<Attribute> values;
  for (const APInt &at : index.getValues<APInt>()) {
    int64_t size = x.getNumElements(), i = at.getSExtValue();
    if (i < -size || i >= size)
      return n.fail("takes element " + Twine(i) + " of " + Twine(size));
    values.push_back(x.getValues<Attribute>()[i < 0 ? i + size : i]);
  }
  auto type =
      RankedTensorType::get(cast<RankedTensorType>(index.getType()).getShape(), x.getElementType());
  return n.constant(DenseElementsAttr::get(type, values));
}

static void gather(NodeContext &n) {
  Value x = n.in(0), index = n.in(1);
  if (!x || !index)
    return;
  if (!isa<IntegerType>(n.element(index)))
    return (void)n.fail("has indices that are no integers");
  int64_t axis = n.axis(n.integer("axis", 0), n.rank(x));
  DenseElementsAttr known = n.known(index), elements = n.known(x);
  if (n.hasFailed())
    return;
  if (known && elements && n.rank(x) == 1 && known.getNumElements() &&
      known.getNumElements() <= 4096)
    return n.set(0, gatherKnown(n, elements, known));
  int64_t size = n.shape(x)[axis];
  if (known && n.rank(index) == 0) { // one part: a slice
    int64_t at = known.getSplatValue<APInt>().getSExtValue();
    at = n.axis(at, size);
    Ints shape(n.shape(x));
    shape.erase(shape.begin() + axis);
    return n.set(0, n.hasFailed() ? Value() : n.reshape(n.sliceDim(x, axis, at, 1), shape));
  }
  index = wrapped(n, index, size);
  Ints forward{axis}, back;
  for (int64_t dim = 0; dim < n.rank(x); ++dim)
    if (dim != axis)
      forward.push_back(dim);
  Value picked = n.make<EmbeddingOp>({n.transpose(x, forward), index});
  if (!picked)
    return;
  // [indices..., before axis, after axis] to [before, indices..., after]
  int64_t taken = n.rank(index);
  for (int64_t dim = 0; dim < axis; ++dim)
    back.push_back(taken + dim);
  for (int64_t dim = 0; dim < taken; ++dim)
    back.push_back(dim);
  for (int64_t dim = taken + axis; dim < n.rank(picked); ++dim)
    back.push_back(dim);
  n.set(0, n.transpose(picked, back));
}

// ---- Places in a flat tensor
// ---------------------------------------------------------------------

// Row-major place of each element of `index`, which replaces the coordinate of `axis`.
static Value placesAlong(NodeContext &n, Value index, ArrayRef<int64_t> shape, int64_t axis) {
  Value out;
  for (int64_t dim = 0; dim < static_cast<int64_t>(shape.size()); ++dim) {
    Value at =
        dim == axis ? wrapped(n, index, shape[dim]) : n.iota(n.shape(index), dim, n.element(index));
    int64_t stride = product(shape.drop_front(dim + 1));
    Value part = stride == 1 ? at : n.mul(at, double(stride));
    out = out ? n.add(out, part) : part;
  }
  return out;
}

// Row-major place of the part that each row of `index` [..., k] names with its k coordinates.
static Value placesOf(NodeContext &n, Value index, ArrayRef<int64_t> shape) {
  int64_t last = n.rank(index) - 1, count = n.shape(index)[last];
  Ints rows(n.shape(index).drop_back());
  Value out;
  for (int64_t k = 0; k < count; ++k) {
    Value at = wrapped(n, n.reshape(n.sliceDim(index, last, k, 1), rows), shape[k]);
    int64_t stride = product(shape.slice(k + 1, count - k - 1));
    Value part = stride == 1 ? at : n.mul(at, double(stride));
    out = out ? n.add(out, part) : part;
  }
  return out;
}

static bool fitsElements(NodeContext &n, Value x, Value index, int64_t axis) {
  if (n.hasFailed() || !isa<IntegerType>(n.element(index)) || n.rank(x) != n.rank(index))
    return n.hasFailed() ? false : bool(n.fail("needs integers of the data's rank as indices"));
  for (int64_t dim = 0; dim < n.rank(x); ++dim)
    if (dim != axis && n.shape(index)[dim] > n.shape(x)[dim])
      return bool(n.fail("has more indices than data along dim " + Twine(dim)));
  return true;
}

static void gatherElements(NodeContext &n) {
  Value x = n.in(0), index = n.in(1);
  int64_t axis = x ? n.axis(n.integer("axis", 0), n.rank(x)) : 0;
  if (!x || !index || !fitsElements(n, x, index, axis))
    return;
  Value flat = n.reshape(x, {n.type(x).getNumElements()});
  n.set(0, n.make<EmbeddingOp>({flat, placesAlong(n, index, n.shape(x), axis)}));
}

static bool fitsRows(NodeContext &n, Value x, Value index) {
  int64_t rank = index ? n.rank(index) : 0, k = rank ? n.shape(index)[rank - 1] : 0;
  if (!x || k < 1 || k > n.rank(x) || !isa<IntegerType>(n.element(index)))
    return bool(n.fail("needs integer indices [..., k] with k coordinates of the data"));
  return true;
}

static void gatherNd(NodeContext &n) {
  Value x = n.in(0), index = n.in(1);
  if (n.integer("batch_dims", 0))
    return (void)n.fail("has batch dims");
  if (n.hasFailed() || !fitsRows(n, x, index))
    return;
  int64_t k = n.shape(index).back();
  Ints table{product(n.shape(x).take_front(k))};
  table.append(n.shape(x).begin() + k, n.shape(x).end());
  n.set(0, n.make<EmbeddingOp>({n.reshape(x, table), placesOf(n, index, n.shape(x))}));
}

// ---- Scatter
// -------------------------------------------------------------------------------------

// Rows of `updates` over or onto rows of `table`. Each row is named once, or their sum counts.
static Value scatterRows(NodeContext &n, Value table, Value places, Value updates) {
  StringRef how = n.text("reduction", "none");
  if (how != "none" && how != "add")
    return n.fail("reduces by '" + how + "'");
  if (!table || !places || !updates || !n.isFloat(table))
    return n.fail("places values that are no floating-point numbers");
  NamedAttribute rows = n.named("rows", n.shape(table)[0]);
  Value placed = n.make<EmbeddingBackwardOp>({places, updates}, rows);
  if (how == "add")
    return n.add(table, placed);
  Ints one(n.shape(places));
  Value ones = n.splat(RankedTensorType::get(one, n.element(table)), 1);
  Value count = n.make<EmbeddingBackwardOp>({places, ones}, rows);
  Ints column(n.rank(table), 1);
  column[0] = n.shape(table)[0];
  count = n.reshape(count, column);
  return n.select(n.compare("gt", count, n.like(count, 0)), placed, table);
}

static void scatterElements(NodeContext &n) {
  Value x = n.in(0), index = n.in(1), updates = n.in(2);
  int64_t axis = x ? n.axis(n.integer("axis", 0), n.rank(x)) : 0;
  if (!x || !index || !updates || !fitsElements(n, x, index, axis))
    return;
  Value flat = n.reshape(x, {n.type(x).getNumElements()});
  Value placed = scatterRows(n, flat, placesAlong(n, index, n.shape(x), axis), updates);
  n.set(0, placed ? n.reshape(placed, n.shape(x)) : Value());
}

static void scatterNd(NodeContext &n) {
  Value x = n.in(0), index = n.in(1), updates = n.in(2);
  if (n.hasFailed() || !fitsRows(n, x, index))
    return;
  int64_t k = n.shape(index).back();
  Ints table{product(n.shape(x).take_front(k))};
  table.append(n.shape(x).begin() + k, n.shape(x).end());
  Value placed = scatterRows(n, n.reshape(x, table), placesOf(n, index, n.shape(x)), updates);
  n.set(0, placed ? n.reshape(placed, n.shape(x)) : Value());
}

llvm::ArrayRef<OpEntry> indexingOps() {
  static constexpr OpEntry table[] = {
      {"Gather", 1, gather},
      {"GatherElements", 11, gatherElements},
      {"GatherND", 11, gatherNd},
      {"Scatter", 9, scatterElements},
      {"ScatterElements", 11, scatterElements},
      {"ScatterND", 11, scatterNd},
  };
  return table;
}

} // namespace of::onnx
