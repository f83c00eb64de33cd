// Images read at places between their elements: a weighted sum of elements around each place.
//
//   place along each dim ─▶ taps: an element and how much it counts ─▶ rows of a table ─▶ sum
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

using namespace mlir;

namespace of::onnx {

namespace {
/// An element along a dim, for each place, and how much it counts.
struct Tap {
  Value at; ///< once it is `fixed`, integers within the dim
  Value weight;
};
using Taps = SmallVector<Tap>;

/// Images [n, c, ...] as rows of c elements, in the order of n and the space dims.
struct Table {
  Table(NodeContext &n, Value images) {
    if (!images)
      return;
    Ints order{0}, shape(n.shape(images));
    for (int64_t dim = 2; dim < n.rank(images); ++dim)
      order.push_back(dim);
    order.push_back(1);
    sizes.assign(shape.begin() + 2, shape.end());
    rows = n.transpose(images, order);
    rows = rows ? n.reshape(rows, {n.type(images).getNumElements() / shape[1], shape[1]}) : rows;
  }
  Value rows;
  Ints sizes; ///< of the space dims
};
} // namespace

static Value within(NodeContext &n, Value x, double low, double high) {
  return n.make<ClipOp>(x, {n.named("min", low), n.named("max", high)});
}

// 1 where low <= x <= high, else 0.
static Value isWithin(NodeContext &n, Value x, double low, double high) {
  Value holds =
      n.make<AndOp>({n.compare("ge", x, n.like(x, low)), n.compare("le", x, n.like(x, high))});
  return x ? n.cast(holds, n.element(x)) : Value();
}

// A tap's element as a row's number, in integers: floats would not tell 2^24 rows apart.
static Value fixed(NodeContext &n, Value at, int64_t size) {
  Value inside = n.make<StopGradientOp>(within(n, at, 0, size - 1));
  return inside ? n.cast(inside, n.b.getI64Type()) : Value();
}

// The sum over all choices of a tap for each dim: [places..., c]. `image`: which one.
static Value sumOfTaps(NodeContext &n, const Table &table, Value image, ArrayRef<Taps> dims) {
  Value out;
  SmallVector<size_t> choice(dims.size(), 0);
  for (bool more = true; more && !n.hasFailed();) {
    Value row = image, weight;
    for (auto [dim, taps] : llvm::enumerate(dims)) {
      const Tap &tap = taps[choice[dim]];
      row = n.add(n.mul(row, double(table.sizes[dim])), tap.at);
      weight = weight ? n.mul(weight, tap.weight) : tap.weight;
    }
    Value picked = n.make<EmbeddingOp>({table.rows, row});
    if (!picked || !weight)
      return {};
    Ints column(n.shape(picked).drop_back());
    column.push_back(1);
    Value part = n.mul(picked, n.reshape(n.broadcast(weight, n.shape(picked).drop_back()), column));
    out = out ? n.add(out, part) : part;
    more = false;
    for (size_t dim = dims.size(); dim-- > 0 && !more;) {
      more = ++choice[dim] < dims[dim].size();
      choice[dim] = more ? choice[dim] : 0;
    }
  }
  return out;
}

// The element before a place and the one behind it.
static Taps linearTaps(NodeContext &n, Value place) {
  Value low = n.make<FloorOp>(place), share = n.sub(place, low);
  return {{low, n.add(n.mul(share, -1.0), 1.0)}, {n.add(low, 1.0), share}};
}

// ---- GridSample
// ----------------------------------------------------------------------------------

// Keys 1981 with a = -0.75, at distance d below 1 and from 1 to 2.
static Value cubicNear(NodeContext &n, Value d) {
  return n.add(n.mul(n.mul(n.add(n.mul(d, 1.25), -2.25), d), d), 1.0);
}
static Value cubicFar(NodeContext &n, Value d) {
  Value inner = n.add(n.mul(n.add(n.mul(d, -0.75), 3.75), d), -6.0);
  return n.add(n.mul(inner, d), 3.0);
}

static Taps cubicTaps(NodeContext &n, Value place) {
  Value low = n.make<FloorOp>(place), t = n.sub(place, low), rest = n.add(n.mul(t, -1.0), 1.0);
  return {{n.add(low, -1.0), cubicFar(n, n.add(t, 1.0))},
          {low, cubicNear(n, t)},
          {n.add(low, 1.0), cubicNear(n, rest)},
          {n.add(low, 2.0), cubicFar(n, n.add(rest, 1.0))}};
}

namespace {
/// How places beyond an image count.
struct Border {
  StringRef mode;
  bool alignsCorners;

  /// A place within, or anywhere where zeros are around.
  Value bring(NodeContext &n, Value place, int64_t size) const {
    if (mode == "zeros")
      return place;
    if (mode == "reflection")
      place = reflect(n, place, alignsCorners ? 0 : -0.5, alignsCorners ? size - 1 : size - 0.5);
    return within(n, place, 0, size - 1);
  }

  /// Back and forth between two ends.
  static Value reflect(NodeContext &n, Value x, double low, double high) {
    const double span = high - low;
    if (span <= 0)
      return n.mul(x, 0.0);
    Value far = n.make<AbsOp>(n.add(x, -low));
    Value times = n.make<FloorOp>(n.mul(far, 1 / span));
    Value over = n.sub(far, n.mul(times, span));
    Value isOdd = n.sub(times, n.mul(n.make<FloorOp>(n.mul(times, 0.5)), 2.0));
    Value back = n.add(n.mul(over, -1.0), span);
    return n.add(n.select(n.compare("gt", isOdd, n.like(x, 0.5)), back, over), low);
  }
};
} // namespace

static Taps tapsOf(NodeContext &n, Value place, int64_t size, StringRef mode,
                   const Border &border) {
  const bool isCubic = mode == "cubic";
  // A cubic's taps are brought within one by one.
  place = isCubic ? place : border.bring(n, place, size);
  Taps taps = isCubic            ? cubicTaps(n, place)
              : mode == "linear" ? linearTaps(n, place)
                                 : Taps{{n.make<RoundOp>(place), n.like(place, 1)}};
  for (Tap &tap : taps) {
    tap.at = isCubic ? border.bring(n, tap.at, size) : tap.at;
    if (border.mode == "zeros")
      tap.weight = n.mul(tap.weight, isWithin(n, tap.at, 0, size - 1));
    // What counts nothing is read from somewhere.
    tap.at = fixed(n, tap.at, size);
  }
  return taps;
}

// Places are from -1 to 1, the last dim of the images first.
static void gridSample(NodeContext &n) {
  Value x = n.in(0), grid = n.in(1);
  const StringRef given = n.text("mode", n.opset < 20 ? "bilinear" : "linear");
  const StringRef mode = given == "bilinear" ? "linear" : given == "bicubic" ? "cubic" : given;
  const Border border{n.text("padding_mode", "zeros"), n.integer("align_corners", 0) != 0};
  if (!x || !grid || n.rank(x) < 3 || n.rank(x) > 5 || n.rank(grid) != n.rank(x) ||
      n.shape(grid).back() != n.rank(x) - 2 || n.shape(grid)[0] != n.shape(x)[0] || !n.isFloat(x) ||
      n.element(x) != n.element(grid) || n.type(x).getNumElements() == 0)
    return (void)n.fail("needs images [n, c, ...] of 1 to 3 space dims and places [n, ..., dims]");
  if ((mode != "linear" && mode != "cubic" && mode != "nearest") ||
      (border.mode != "zeros" && border.mode != "border" && border.mode != "reflection"))
    return (void)n.fail("has mode '" + given + "' or padding '" + border.mode +
                        "', which ONNX does not know");
  const Table table(n, x);
  const int64_t count = table.sizes.size();
  Ints places(n.shape(grid).drop_back());
  SmallVector<Taps> dims;
  for (int64_t dim = 0; dim < count && !n.hasFailed(); ++dim) {
    const int64_t size = table.sizes[dim];
    Value at = n.reshape(n.sliceDim(grid, count + 1, count - 1 - dim, 1), places);
    const double half = border.alignsCorners ? (size - 1) / 2.0 : size / 2.0;
    at = n.add(n.mul(at, half), (size - 1) / 2.0);
    dims.push_back(tapsOf(n, at, size, mode, border));
  }
  Value image = n.iota(places, 0, n.b.getI64Type());
  Value y = n.hasFailed() ? Value() : sumOfTaps(n, table, image, dims);
  Ints back{0, count + 1};
  for (int64_t dim = 1; dim <= count; ++dim)
    back.push_back(dim);
  n.set(0, n.transpose(y, back));
}

// Places of the elements of a result of a known size, moved by a matrix for each image.
static void affineGrid(NodeContext &n) {
  Value theta = n.in(0);
  std::optional<Ints> size = n.knownInts(1);
  const bool alignsCorners = n.integer("align_corners", 0);
  if (!theta || !size || (size->size() != 4 && size->size() != 5) || !n.isFloat(theta))
    return (void)n.fail("needs matrices and a known size [n, c, h, w] or [n, c, d, h, w]");
  const int64_t dims = size->size() - 2;
  Ints space(size->begin() + 2, size->end());
  if (n.shape(theta) != ArrayRef<int64_t>{size->front(), dims, dims + 1})
    return (void)n.fail("has matrices that do not fit its size");
  // The last column of a matrix moves everything; the others go with the last space dim first.
  const int64_t images = size->front();
  auto column = [&](int64_t i) { return n.reshape(n.sliceDim(theta, 2, i, 1), {images, 1, dims}); };
  if (std::string problem = problemOfShape(*size); !problem.empty())
    return (void)n.fail("makes a grid for images that cannot be: " + problem);
  int64_t count = 1;
  for (int64_t side : space)
    count *= side;
  Value out = n.broadcast(column(dims), {images, count, dims});
  for (int64_t dim = dims; dim-- > 0;) {
    Value i = n.cast(n.iota(space, dim, n.b.getI64Type()), n.element(theta));
    const double steps = alignsCorners ? space[dim] - 1 : space[dim];
    i = n.mul(alignsCorners ? i : n.add(i, 0.5), steps > 0 ? 2 / steps : 0);
    Value place = n.reshape(n.add(i, steps > 0 ? -1.0 : 0.0), {1, count, 1});
    out = n.add(out, n.mul(place, column(dims - 1 - dim)));
  }
  Ints shape{images};
  llvm::append_range(shape, space);
  shape.push_back(dims);
  n.set(0, n.reshape(out, shape));
}

// ---- RoiAlign
// ------------------------------------------------------------------------------------

namespace {
/// Samples of each part of each region along a dim: [regions, parts * samples].
struct Samples {
  Taps taps;
  int64_t count;
};
} // namespace

// He et al. 2017: a region's side in parts, each of as many samples at even distances. Samples up
// to one element beyond the image are those of its edge; further ones count nothing.
static Samples samplesAlong(NodeContext &n, Value begin, Value side, int64_t size, int64_t parts,
                            int64_t each) {
  const int64_t count = parts * each;
  Ints places{n.shape(begin)[0], count};
  Value i = n.cast(n.iota(places, 1, n.b.getI64Type()), n.element(begin));
  Value at = n.add(n.mul(n.mul(n.add(i, 0.5), 1.0 / count), side), begin);
  Value counts = isWithin(n, at, -1, size);
  Taps taps = linearTaps(n, within(n, at, 0, size - 1));
  for (Tap &tap : taps) {
    tap.at = fixed(n, tap.at, size);
    tap.weight = n.mul(tap.weight, counts);
  }
  return {taps, count};
}

static void roiAlign(NodeContext &n) {
  Value x = n.in(0), rois = n.in(1), images = n.in(2);
  if (!x || !rois || !images || n.rank(x) != 4 || n.rank(rois) != 2 || n.shape(rois)[1] != 4 ||
      n.shape(images) != n.shape(rois).take_front(1) || !n.isFloat(x) ||
      n.element(x) != n.element(rois) || n.type(x).getNumElements() == 0)
    return (void)n.fail("needs images [n, c, h, w], regions [r, 4] and the image of each [r]");
  const int64_t h = n.integer("output_height", 1), w = n.integer("output_width", 1),
                each = n.integer("sampling_ratio", 0), regions = n.shape(rois)[0];
  const double scale = n.number("spatial_scale", 1);
  if (n.text("mode", "avg") != "avg" || each < 1)
    return (void)n.fail("takes the largest sample, or as many samples as a region is large; there "
                        "is the mean of a given sampling_ratio");
  if (h < 1 || w < 1 || h > 4096 || w > 4096 || each > 64)
    return (void)n.fail("gives " + Twine(h) + " x " + Twine(w) + " parts of " + Twine(each) +
                        " samples");
  const bool isHalf =
      n.opset >= 16 && n.text("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  const Table table(n, x);
  auto corner = [&](int64_t i) {
    return n.add(n.mul(n.sliceDim(rois, 1, i, 1), scale), isHalf ? -0.5 : 0.0);
  };
  auto side = [&](int64_t from, int64_t to) {
    Value length = n.sub(corner(to), corner(from));
    return isHalf ? length : n.make<MaxOp>({length, n.like(length, 1)});
  };
  Samples y = samplesAlong(n, corner(1), side(1, 3), n.shape(x)[2], h, each);
  Samples z = samplesAlong(n, corner(0), side(0, 2), n.shape(x)[3], w, each);
  auto spread = [&](Samples &s, Ints shape) {
    for (Tap &tap : s.taps) {
      tap.at = tap.at ? n.reshape(tap.at, shape) : Value();
      tap.weight = tap.weight ? n.reshape(tap.weight, shape) : Value();
    }
  };
  spread(y, {regions, y.count, 1});
  spread(z, {regions, 1, z.count});
  Value image = n.reshape(n.cast(images, n.b.getI64Type()), {regions, 1, 1});
  Value sampled = n.hasFailed() ? Value() : sumOfTaps(n, table, image, {y.taps, z.taps});
  if (!sampled)
    return n.set(0, {});
  const int64_t channels = n.shape(x)[1];
  Value parts = n.reshape(sampled, {regions, h, each, w, each, channels});
  Value mean = n.make<ReduceMeanOp>(parts, n.named("dims", Ints{2, 4}));
  n.set(0, n.transpose(mean, {0, 3, 1, 2}));
}

llvm::ArrayRef<OpEntry> samplingOps() {
  static constexpr OpEntry table[] = {
      {"AffineGrid", 20, affineGrid},
      {"GridSample", 16, gridSample},
      {"RoiAlign", 10, roiAlign},
  };
  return table;
}

} // namespace of::onnx
