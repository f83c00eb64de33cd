// Elements picked and placed by integers. All of it is rows of a table: of.embedding picks them,
// its gradient adds them up.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/Known.h"
#include "lib/Import/Onnx/OpTable.h"

#include <limits>

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
    bool isGood = everyInt(known, [&](const APInt &v) {
      return v.getSExtValue() >= -size && v.getSExtValue() < size;
    });
    if (!isGood)
      return n.fail("has an index beyond the " + Twine(size) + " elements of its axis");
    if (everyInt(known, [](const APInt &v) { return !v.isNegative(); }))
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

// Row-major place of the part that each row of `index` [..., k] names with its k coordinates,
// behind `batch` that it shares with the data.
static Value placesOf(NodeContext &n, Value index, ArrayRef<int64_t> shape, int64_t batch = 0) {
  int64_t last = n.rank(index) - 1, count = batch + n.shape(index)[last];
  Ints rows(n.shape(index).drop_back());
  Value out;
  for (int64_t k = 0; k < count; ++k) {
    Value at = k < batch
                   ? n.iota(rows, k, n.element(index))
                   : wrapped(n, n.reshape(n.sliceDim(index, last, k - batch, 1), rows), shape[k]);
    int64_t stride = product(shape.slice(k + 1, count - k - 1));
    Value part = stride == 1 ? at : n.mul(at, double(stride));
    out = out ? n.add(out, part) : part;
  }
  return out;
}

Value gatherAlong(NodeContext &n, Value x, Value index, int64_t axis) {
  Value flat = n.reshape(x, {n.type(x).getNumElements()});
  return n.make<EmbeddingOp>({flat, placesAlong(n, index, n.shape(x), axis)});
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
  n.set(0, gatherAlong(n, x, index, axis));
}

static bool fitsRows(NodeContext &n, Value x, Value index, int64_t batch = 0) {
  int64_t rank = index ? n.rank(index) : 0, k = rank ? n.shape(index)[rank - 1] : 0;
  if (!x || k < 1 || batch < 0 || batch >= rank || batch + k > n.rank(x) ||
      !isa<IntegerType>(n.element(index)) ||
      n.shape(x).take_front(batch) != n.shape(index).take_front(batch))
    return bool(n.fail("needs integer indices [batch..., k] with k coordinates of the data"));
  return true;
}

// Data as rows that the coordinates of its first `count` dims name.
static Value rowsOf(NodeContext &n, Value x, int64_t count) {
  Ints table{product(n.shape(x).take_front(count))};
  table.append(n.shape(x).begin() + count, n.shape(x).end());
  return n.reshape(x, table);
}

static void gatherNd(NodeContext &n) {
  Value x = n.in(0), index = n.in(1);
  const int64_t batch = n.integer("batch_dims", 0);
  if (n.hasFailed() || !fitsRows(n, x, index, batch))
    return;
  Value table = rowsOf(n, x, batch + n.shape(index).back());
  n.set(0, n.make<EmbeddingOp>({table, placesOf(n, index, n.shape(x), batch)}));
}

// ---- Scatter
// -------------------------------------------------------------------------------------

static constexpr int64_t kMostPairs = 1 << 22;

// Every row of `table` beside every update: where they meet the update, else what changes nothing.
static Value scatterPairs(NodeContext &n, StringRef how, Value table, Value places, Value updates) {
  const int64_t rows = n.shape(table)[0], count = n.type(places).getNumElements();
  if (count < 1 || n.type(table).getNumElements() > kMostPairs / count)
    return n.fail("reduces by '" + how + "' more than 2^22 pairs of elements and updates");
  Ints each{count, 1}, pairs{count, rows};
  each.append(n.shape(table).begin() + 1, n.shape(table).end());
  Value hit = n.compare("eq", n.iota(pairs, 1, n.element(places)), n.reshape(places, {count, 1}));
  pairs.append(n.rank(table) - 1, 1);
  const double infinity = std::numeric_limits<double>::infinity();
  const double none = how == "mul" ? 1 : how == "max" ? -infinity : infinity;
  Value met = n.select(n.reshape(hit, pairs), n.reshape(updates, each), n.like(table, none));
  if (how == "mul")
    return n.mul(table, productOver(n, met, {0}, false));
  NamedAttribute dims = n.named("dims", Ints{0});
  return how == "max" ? n.make<MaxOp>({table, n.make<ReduceMaxOp>(met, dims)})
                      : n.make<MinOp>({table, n.make<ReduceMinOp>(met, dims)});
}

// Rows of `updates` over or onto rows of `table`. Where they replace, each row is named once.
static Value scatterRows(NodeContext &n, Value table, Value places, Value updates) {
  StringRef how = n.text("reduction", "none");
  if (!table || !places || !updates || !n.isFloat(table))
    return n.fail("places values that are no floating-point numbers");
  if (how == "mul" || how == "max" || how == "min")
    return scatterPairs(n, how, table, places, updates);
  if (how != "none" && how != "add")
    return n.fail("reduces by '" + how + "'");
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
  Value table = rowsOf(n, x, n.shape(index).back());
  Value placed = scatterRows(n, table, placesOf(n, index, n.shape(x)), updates);
  n.set(0, placed ? n.reshape(placed, n.shape(x)) : Value());
}

// Along `time` the first steps of each row in reverse, as many as its length says; any length.
static void reverseSequence(NodeContext &n) {
  Value x = n.in(0), lengths = n.in(1);
  const int64_t time = n.integer("time_axis", 0), batch = n.integer("batch_axis", 1);
  if (!x || !lengths || n.rank(x) < 2 || time + batch != 1 || time * batch != 0)
    return (void)n.fail("needs its time and batch as the first two dims");
  Ints order{0, 1}, places{n.shape(x)[0], n.shape(x)[1]}, column{places[0], 1}, row{1, places[1]};
  Type index = n.element(lengths);
  Value step = n.iota(places, time, index), other = n.iota(places, batch, index);
  Value length = n.reshape(lengths, time == 0 ? row : column);
  Value mirrored = n.sub(n.add(length, -1.0), step);
  step = n.select(n.compare("lt", step, length), mirrored, step);
  Value first = time == 0 ? step : other, second = time == 0 ? other : step;
  Value place = n.add(n.mul(first, double(places[1])), second);
  n.set(0, n.make<EmbeddingOp>({rowsOf(n, x, 2), place}));
}

// Parts are taken one by one.
static constexpr int64_t kMostParts = 4096;

// Elements, or parts along an axis, whose condition holds: it must be known, since it says the
// size.
static void compress(NodeContext &n) {
  Value x = n.in(0), condition = n.in(1);
  DenseElementsAttr known = n.known(condition);
  if (!x || !condition || n.hasFailed())
    return;
  if (!known || !known.getElementType().isInteger(1))
    return (void)n.fail("has a condition that is computed from data; the size of its result must "
                        "follow from the shapes of the inputs");
  if (known.getNumElements() > kMostParts)
    return (void)n.fail("chooses among " + Twine(known.getNumElements()) + " parts; up to " +
                        Twine(kMostParts) + " are taken one by one");
  Value from = n.hasAttr("axis") ? x : n.reshape(x, {n.type(x).getNumElements()});
  const int64_t axis = n.axis(n.integer("axis", 0), n.rank(from));
  SmallVector<Value> parts;
  for (auto [i, keeps] : llvm::enumerate(known.getValues<bool>()))
    if (keeps && !n.hasFailed() && static_cast<int64_t>(i) < n.shape(from)[axis])
      parts.push_back(n.sliceDim(from, axis, i, 1));
  if (parts.empty())
    return (void)n.fail("keeps nothing");
  n.set(0, n.concat(parts, axis));
}

llvm::ArrayRef<OpEntry> indexingOps() {
  static constexpr OpEntry table[] = {
      {"Compress", 9, compress},
      {"Gather", 1, gather},
      {"GatherElements", 11, gatherElements},
      {"GatherND", 11, gatherNd},
      {"ReverseSequence", 10, reverseSequence},
      {"Scatter", 9, scatterElements},
      {"ScatterElements", 11, scatterElements},
      {"ScatterND", 11, scatterNd},
  };
  return table;
}

} // namespace of::onnx
