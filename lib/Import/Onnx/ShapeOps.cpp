// Ops that move elements: reshaping, slicing, joining, padding.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

using namespace mlir;

namespace of::onnx {

// ---- The same elements under another shape
// -------------------------------------------------------

static void reshapeTo(NodeContext &n) {
  Value x = n.in(0);
  std::optional<Ints> given = n.opset < 5 ? n.integers("shape") : n.knownInts(1);
  if (!x || !given)
    return n.set(0, {});
  Ints shape = *given;
  bool allowZero = n.opset >= 14 && n.integer("allowzero", 0);
  int64_t known = 1, open = -1;
  for (auto [i, dim] : llvm::enumerate(shape)) {
    if (dim == 0 && !allowZero) {
      if (static_cast<int64_t>(i) >= n.rank(x))
        return (void)n.fail("copies dim " + Twine(i) + " of an input of " + Twine(n.rank(x)) +
                            " dims");
      dim = n.shape(x)[i];
    }
    if (dim == -1 && open >= 0)
      return (void)n.fail("leaves two dims open");
    if (dim == -1)
      open = i;
    else if (dim < 0 || (dim && known > (int64_t(1) << 40) / dim))
      return (void)n.fail("asks for a dim of " + Twine(dim));
    else
      known *= dim;
  }
  if (open >= 0) {
    if (known == 0 || n.type(x).getNumElements() % known)
      return (void)n.fail("does not divide " + Twine(n.type(x).getNumElements()) + " elements by " +
                          Twine(known));
    shape[open] = n.type(x).getNumElements() / known;
  }
  n.set(0, n.reshape(x, shape));
}

static void flatten(NodeContext &n) {
  Value x = n.in(0);
  if (!x)
    return;
  int64_t axis = n.integer("axis", 1);
  axis = axis == n.rank(x) ? axis : n.axis(axis, n.rank(x));
  Ints shape{1, 1};
  for (int64_t dim = 0; dim < n.rank(x); ++dim)
    shape[dim >= axis] *= n.shape(x)[dim];
  n.set(0, n.reshape(x, shape));
}

// Axes of Squeeze and Unsqueeze: an attribute, since opset 13 an input.
static std::optional<Ints> givenAxes(NodeContext &n) {
  if (n.opset < 13)
    return n.integers("axes");
  return n.has(1) ? n.knownInts(1) : std::nullopt;
}

static void squeeze(NodeContext &n) {
  Value x = n.in(0);
  std::optional<Ints> given = givenAxes(n);
  if (!x || n.hasFailed())
    return n.set(0, {});
  Ints axes = given ? n.axes(*given, n.rank(x)) : Ints(), shape;
  for (int64_t dim = 0; dim < n.rank(x); ++dim) {
    bool drops = given ? llvm::is_contained(axes, dim) : n.shape(x)[dim] == 1;
    if (drops && n.shape(x)[dim] != 1)
      return (void)n.fail("drops dim " + Twine(dim) + ", which has " + Twine(n.shape(x)[dim]) +
                          " elements");
    if (!drops)
      shape.push_back(n.shape(x)[dim]);
  }
  n.set(0, n.reshape(x, shape));
}

static void unsqueeze(NodeContext &n) {
  Value x = n.in(0);
  std::optional<Ints> given = givenAxes(n);
  if (!x || !given)
    return n.set(0, n.hasFailed() ? Value() : Value(n.fail("names no axes")));
  int64_t rank = n.rank(x) + given->size();
  Ints axes = n.axes(*given, rank), shape;
  for (int64_t dim = 0, from = 0; dim < rank && !n.hasFailed(); ++dim)
    shape.push_back(llvm::is_contained(axes, dim) ? 1 : n.shape(x)[from++]);
  n.set(0, n.reshape(x, shape));
}

static void transpose(NodeContext &n) {
  Value x = n.in(0);
  if (!x)
    return;
  std::optional<Ints> given = n.integers("perm");
  Ints order;
  for (int64_t dim = n.rank(x); dim-- > 0;)
    order.push_back(dim);
  if (given)
    order = *given;
  Ints sorted(order);
  llvm::sort(sorted);
  for (int64_t dim = 0; dim < static_cast<int64_t>(sorted.size()); ++dim)
    if (sorted[dim] != dim || static_cast<int64_t>(sorted.size()) != n.rank(x))
      return (void)n.fail("has a perm that is no order of the " + Twine(n.rank(x)) + " dims");
  n.set(0, n.transpose(x, order));
}

static void expand(NodeContext &n) {
  Value x = n.in(0);
  std::optional<Ints> given = n.knownInts(1);
  if (!x || !given)
    return n.set(0, {});
  int64_t rank = std::max<int64_t>(n.rank(x), given->size());
  Ints shape(rank, 1);
  for (int64_t i = 0; i < rank; ++i) {
    int64_t own = i < n.rank(x) ? n.shape(x)[n.rank(x) - 1 - i] : 1;
    int64_t to = i < static_cast<int64_t>(given->size()) ? (*given)[given->size() - 1 - i] : 1;
    if (own != 1 && to != 1 && own != to)
      return (void)n.fail("expands a dim of " + Twine(own) + " to " + Twine(to));
    shape[rank - 1 - i] = own == 1 ? to : own;
  }
  n.set(0, n.broadcast(x, shape));
}

// Each dim becomes a pair, the first of which is spread.
static void tile(NodeContext &n) {
  Value x = n.in(0);
  std::optional<Ints> repeats = n.knownInts(1);
  if (!x || !repeats)
    return n.set(0, {});
  if (static_cast<int64_t>(repeats->size()) != n.rank(x))
    return (void)n.fail("repeats " + Twine(repeats->size()) + " dims of " + Twine(n.rank(x)));
  Ints paired, spread, out;
  for (auto [times, dim] : llvm::zip(*repeats, n.shape(x))) {
    if (times < 0 || times > (int64_t(1) << 40))
      return (void)n.fail("repeats " + Twine(times) + " times");
    paired.append({1, dim});
    if (dim && times > (int64_t(1) << 40) / dim)
      return (void)n.fail("repeats " + Twine(dim) + " elements " + Twine(times) + " times");
    spread.append({times, dim});
    out.push_back(times * dim);
  }
  if (std::string problem = problemOfShape(out); !problem.empty())
    return (void)n.fail("has a result that is too large: " + problem);
  n.set(0, n.reshape(n.broadcast(n.reshape(x, paired), spread), out));
}

// ---- Parts
// ---------------------------------------------------------------------------------------

static void slice(NodeContext &n) {
  Value x = n.in(0);
  const bool isOld = n.opset < 10;
  std::optional<Ints> starts = isOld ? n.integers("starts") : n.knownInts(1);
  std::optional<Ints> ends = isOld ? n.integers("ends") : n.knownInts(2);
  std::optional<Ints> axes = isOld ? n.integers("axes") : n.has(3) ? n.knownInts(3) : std::nullopt;
  std::optional<Ints> steps = !isOld && n.has(4) ? n.knownInts(4) : std::nullopt;
  if (!x || !starts || !ends || n.hasFailed())
    return n.set(0, {});
  const size_t count = starts->size();
  if (ends->size() != count || (axes && axes->size() != count) || (steps && steps->size() != count))
    return (void)n.fail("has lists of different lengths");
  Ints begin(n.rank(x), 0), sizes(n.shape(x)), step(n.rank(x), 1);
  for (size_t i = 0; i < count; ++i) {
    int64_t dim = n.axis(axes ? (*axes)[i] : i, n.rank(x));
    if (n.hasFailed())
      return;
    int64_t size = n.shape(x)[dim], by = steps ? (*steps)[i] : 1;
    if (by == 0 || by == INT64_MIN)
      return (void)n.fail("has a step of " + Twine(by));
    if (size == 0)
      continue;
    auto within = [&](int64_t at, int64_t low, int64_t high) {
      return std::clamp(at < 0 ? at + size : at, low, high);
    };
    int64_t from = by > 0 ? within((*starts)[i], 0, size) : within((*starts)[i], 0, size - 1);
    int64_t to = by > 0 ? within((*ends)[i], 0, size) : within((*ends)[i], -1, size - 1);
    int64_t span = by > 0 ? to - from : from - to, width = by > 0 ? by : -by;
    sizes[dim] = span <= 0 ? 0 : (span - 1) / width + 1;
    begin[dim] = sizes[dim] ? from : 0;
    step[dim] = sizes[dim] > 1 ? by : 1;
  }
  n.set(0, n.slice(x, begin, sizes, step));
}

static void split(NodeContext &n) {
  Value x = n.in(0);
  if (!x)
    return;
  int64_t axis = n.axis(n.integer("axis", 0), n.rank(x));
  std::optional<Ints> sizes = n.opset < 13 ? n.integers("split")
                              : n.has(1)   ? n.knownInts(1)
                                           : std::nullopt;
  if (n.hasFailed())
    return;
  const int64_t parts = n.node.outputs.size(), size = n.shape(x)[axis];
  if (!sizes) { // even parts, the last one smaller
    sizes = Ints();
    int64_t each = (size + parts - 1) / std::max<int64_t>(parts, 1);
    for (int64_t i = 0, left = size; i < parts; ++i, left -= each)
      sizes->push_back(std::clamp<int64_t>(left, 0, each));
  }
  int64_t at = 0;
  for (auto [i, part] : llvm::enumerate(*sizes)) {
    if (part < 0 || part > size - at || static_cast<int64_t>(i) >= parts)
      return (void)n.fail("cuts " + Twine(size) + " elements into parts that do not add up");
    if (n.wants(i))
      n.set(i, n.sliceDim(x, axis, at, part));
    at += part;
  }
  if (at != size)
    n.fail("cuts " + Twine(size) + " elements into parts that do not add up");
}

static void concat(NodeContext &n) {
  SmallVector<Value> parts = n.allInputs();
  if (n.hasFailed())
    return;
  int64_t axis = n.axis(n.integer("axis", 1), n.rank(parts[0]));
  llvm::erase_if(parts, [&](Value v) { // an empty part adds nothing
    return parts.size() > 1 && v != parts[0] && n.rank(v) == n.rank(parts[0]) &&
           n.shape(v)[axis] == 0;
  });
  n.set(0, n.hasFailed() ? Value() : n.concat(parts, axis));
}

// ---- Padding
// -------------------------------------------------------------------------------------

// The other end of the dim, in one piece.
static Value padByOtherEnd(NodeContext &n, Value x, int64_t dim, int64_t low, int64_t high) {
  int64_t size = x ? n.shape(x)[dim] : 0;
  if (!x || low + high == 0)
    return x;
  if (std::max(low, high) > size)
    return n.fail("wraps a dim of " + Twine(size) + " around by " + Twine(std::max(low, high)));
  SmallVector<Value> parts{x};
  if (low)
    parts.insert(parts.begin(), n.sliceDim(x, dim, size - low, low));
  if (high)
    parts.push_back(n.sliceDim(x, dim, 0, high));
  return n.concat(parts, dim);
}

// One row or column after another, each a copy of one within.
static Value padByCopies(NodeContext &n, Value x, int64_t dim, int64_t low, int64_t high,
                         bool reflects) {
  int64_t size = x ? n.shape(x)[dim] : 0;
  if (x && (size == 0 || (reflects && std::max(low, high) >= size) || low + high > 1024))
    return n.fail("pads a dim of " + Twine(size) + " by " + Twine(std::max(low, high)) +
                  ", more than it can copy");
  SmallVector<Value> parts;
  for (int64_t i = low; i > 0; --i)
    parts.push_back(n.sliceDim(x, dim, reflects ? i : 0, 1));
  parts.push_back(x);
  for (int64_t i = 1; i <= high; ++i)
    parts.push_back(n.sliceDim(x, dim, reflects ? size - 1 - i : size - 1, 1));
  return n.concat(parts, dim);
}

static void pad(NodeContext &n) {
  Value x = n.in(0);
  std::optional<Ints> pads = n.opset < 11 ? n.integers("pads") : n.knownInts(1);
  std::optional<Ints> axes = n.opset >= 18 && n.has(3) ? n.knownInts(3) : std::nullopt;
  if (!x || !pads || n.hasFailed())
    return n.set(0, {});
  double value = n.number("value", 0);
  if (n.opset >= 11 && n.has(2)) {
    std::optional<double> known = n.knownNumber(n.in(2));
    if (!known)
      return (void)n.fail("pads with a value that is computed from data");
    value = *known;
  }
  const size_t count = axes ? axes->size() : n.rank(x);
  if (pads->size() != 2 * count)
    return (void)n.fail("has " + Twine(pads->size()) + " pads for " + Twine(count) + " dims");
  Ints low(n.rank(x), 0), high(n.rank(x), 0);
  for (size_t i = 0; i < count; ++i) {
    int64_t dim = n.axis(axes ? (*axes)[i] : i, n.rank(x));
    if (n.hasFailed())
      return;
    low[dim] = (*pads)[i];
    high[dim] = (*pads)[count + i];
    const int64_t most = int64_t(1) << 32;
    if (std::min(low[dim], high[dim]) < -most || std::max(low[dim], high[dim]) > most)
      return (void)n.fail("pads by " + Twine(low[dim]) + " and " + Twine(high[dim]));
  }
  for (int64_t dim = 0; x && dim < n.rank(x); ++dim) { // negative pads cut
    int64_t front = std::max<int64_t>(-low[dim], 0), back = std::max<int64_t>(-high[dim], 0);
    if (front + back > n.shape(x)[dim])
      return (void)n.fail("cuts more from dim " + Twine(dim) + " than it has");
    x = n.sliceDim(x, dim, front, n.shape(x)[dim] - front - back);
    low[dim] = std::max<int64_t>(low[dim], 0);
    high[dim] = std::max<int64_t>(high[dim], 0);
  }
  StringRef mode = n.text("mode", "constant");
  if (mode == "constant")
    return n.set(0, n.pad(x, low, high, {}, value));
  if (mode != "reflect" && mode != "edge" && mode != "wrap")
    return (void)n.fail("pads in mode '" + mode + "'");
  for (int64_t dim = 0; x && dim < n.rank(x); ++dim)
    x = mode == "wrap" ? padByOtherEnd(n, x, dim, low[dim], high[dim])
                       : padByCopies(n, x, dim, low[dim], high[dim], mode == "reflect");
  n.set(0, x);
}

// The middle of what is larger than asked for; what is smaller with as many zeros before as behind.
static void centerCropPad(NodeContext &n) {
  Value x = n.in(0);
  std::optional<Ints> sizes = n.knownInts(1), given = n.integers("axes");
  if (!x || !sizes)
    return n.set(0, {});
  const size_t count = given ? given->size() : n.rank(x);
  if (sizes->size() != count)
    return (void)n.fail("has " + Twine(sizes->size()) + " sizes for " + Twine(count) + " dims");
  Ints low(n.rank(x), 0), high(n.rank(x), 0);
  for (size_t i = 0; i < count && x; ++i) {
    const int64_t dim = n.axis(given ? (*given)[i] : i, n.rank(x)), to = (*sizes)[i];
    if (n.hasFailed())
      return;
    if (to < 1 || to > (int64_t(1) << 32))
      return (void)n.fail("makes dim " + Twine(dim) + " " + Twine(to) + " wide");
    const int64_t size = n.shape(x)[dim];
    if (size > to)
      x = n.sliceDim(x, dim, (size - to) / 2, to);
    low[dim] = std::max<int64_t>(to - size, 0) / 2;
    high[dim] = std::max<int64_t>(to - size, 0) - low[dim];
  }
  n.set(0, n.pad(x, low, high));
}

// ---- Space and depth
// -----------------------------------------------------------------------------

static void depthToSpace(NodeContext &n) {
  Value x = n.in(0);
  int64_t k = n.integer("blocksize", 0);
  if (!x || n.rank(x) != 4 || k < 1 || k > 65536 || n.shape(x)[1] % (k * k))
    return (void)n.fail("needs an image [n, c, h, w] whose channels blocksize^2 divides");
  Ints s(n.shape(x));
  int64_t c = s[1] / (k * k);
  bool isColumns = n.text("mode", "DCR") == "CRD";
  Ints cut = isColumns ? Ints{s[0], c, k, k, s[2], s[3]} : Ints{s[0], k, k, c, s[2], s[3]};
  Ints order = isColumns ? Ints{0, 1, 4, 2, 5, 3} : Ints{0, 3, 4, 1, 5, 2};
  n.set(0, n.reshape(n.transpose(n.reshape(x, cut), order), {s[0], c, s[2] * k, s[3] * k}));
}

static void spaceToDepth(NodeContext &n) {
  Value x = n.in(0);
  int64_t k = n.integer("blocksize", 0);
  if (!x || n.rank(x) != 4 || k < 1 || k > 65536 || n.shape(x)[2] % k || n.shape(x)[3] % k ||
      n.type(x).getNumElements() == 0)
    return (void)n.fail("needs an image [n, c, h, w] whose sides blocksize divides");
  Ints s(n.shape(x));
  Ints cut{s[0], s[1], s[2] / k, k, s[3] / k, k}, order{0, 3, 5, 1, 2, 4};
  n.set(0,
        n.reshape(n.transpose(n.reshape(x, cut), order), {s[0], s[1] * k * k, s[2] / k, s[3] / k}));
}

llvm::ArrayRef<OpEntry> shapeOps() {
  static constexpr OpEntry table[] = {
      {"CenterCropPad", 18, centerCropPad},
      {"Concat", 4, concat},
      {"DepthToSpace", 1, depthToSpace},
      {"Expand", 8, expand},
      {"Flatten", 1, flatten},
      {"Pad", 2, pad},
      {"Reshape", 1, reshapeTo},
      {"Slice", 1, slice},
      {"SpaceToDepth", 1, spaceToDepth},
      {"Split", 2, split},
      {"Squeeze", 1, squeeze},
      {"Tile", 6, tile},
      {"Transpose", 1, transpose},
      {"Unsqueeze", 1, unsqueeze},
  };
  return table;
}

} // namespace of::onnx
