// Reductions, softmax, sums of all before.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

using namespace mlir;

namespace of::onnx {

namespace {
/// What all reductions share: which dims, and whether they stay.
struct Reduced {
  Value x;
  Ints dims;
  bool keep = true;
  bool isNone = false; ///< nothing is reduced
};
} // namespace

// Axes are an attribute, from `inputSince` on an input.
static Reduced reduced(NodeContext &n, int64_t inputSince) {
  Reduced r;
  r.x = n.in(0);
  r.keep = n.integer("keepdims", 1);
  std::optional<Ints> axes = n.opset < inputSince ? n.integers("axes") : std::nullopt;
  if (n.opset >= inputSince && n.has(1))
    axes = n.knownInts(1);
  if (!r.x)
    return r;
  if (axes && !axes->empty()) {
    r.dims = n.axes(*axes, n.rank(r.x));
  } else if (n.integer("noop_with_empty_axes", 0)) {
    r.isNone = true;
  } else {
    for (int64_t dim = 0; dim < n.rank(r.x); ++dim)
      r.dims.push_back(dim);
  }
  return r;
}

template <class Op> static Value fold(NodeContext &n, const Reduced &r, Value x) {
  if (!x || r.isNone || r.dims.empty())
    return x;
  SmallVector<NamedAttribute> attributes{n.named("dims", ArrayRef<int64_t>(r.dims))};
  if (r.keep)
    attributes.push_back(n.flag("keepdims"));
  return n.make<Op>(x, attributes);
}

template <class Op, int inputSince> static void reduce(NodeContext &n) {
  Reduced r = reduced(n, inputSince);
  n.set(0, fold<Op>(n, r, r.x));
}
static void sumAbs(NodeContext &n) {
  Reduced r = reduced(n, 18);
  n.set(0, fold<ReduceSumOp>(n, r, n.make<AbsOp>(r.x)));
}
static void sumSquare(NodeContext &n) {
  Reduced r = reduced(n, 18);
  n.set(0, fold<ReduceSumOp>(n, r, n.mul(r.x, r.x)));
}
static void norm2(NodeContext &n) {
  Reduced r = reduced(n, 18);
  n.set(0, n.make<SqrtOp>(fold<ReduceSumOp>(n, r, n.mul(r.x, r.x))));
}
static void logSum(NodeContext &n) {
  Reduced r = reduced(n, 18);
  n.set(0, n.make<LogOp>(fold<ReduceSumOp>(n, r, r.x)));
}

// Shifted by the largest, so that nothing overflows.
static void logSumExp(NodeContext &n) {
  Reduced r = reduced(n, 18);
  if (r.isNone)
    return n.set(0, r.x);
  Reduced kept = r;
  kept.keep = true;
  Value top = n.make<StopGradientOp>(fold<ReduceMaxOp>(n, kept, r.x));
  Value sum = fold<ReduceSumOp>(n, r, n.make<ExpOp>(n.sub(r.x, top)));
  if (top && sum)
    top = n.reshape(top, n.shape(sum));
  n.set(0, n.add(n.make<LogOp>(sum), top));
}

// Half of the dims, and half of that, ...: a product has no op of its own.
Value productOver(NodeContext &n, Value x, ArrayRef<int64_t> dims, bool keep) {
  for (int64_t dim : dims)
    while (x && n.shape(x)[dim] > 1) {
      int64_t size = n.shape(x)[dim], half = size / 2;
      Value rest = size % 2 ? n.sliceDim(x, dim, size - 1, 1) : Value();
      Value folded = n.mul(n.sliceDim(x, dim, 0, half), n.sliceDim(x, dim, half, half));
      x = rest ? n.concat({folded, rest}, dim) : folded;
    }
  if (!x || keep)
    return x;
  Ints shape;
  for (int64_t dim = 0; dim < n.rank(x); ++dim)
    if (!llvm::is_contained(dims, dim))
      shape.push_back(n.shape(x)[dim]);
  return n.reshape(x, shape);
}
static void product(NodeContext &n) {
  Reduced r = reduced(n, 18);
  n.set(0, productOver(n, r.x, r.dims, r.keep));
}

// ---- Along one axis
// ------------------------------------------------------------------------------

// Before opset 13 softmax works on the input as a matrix, cut at the axis.
template <class Op> static void softmax(NodeContext &n) {
  Value x = n.in(0);
  if (!x)
    return;
  int64_t axis = n.axis(n.integer("axis", n.opset < 13 ? 1 : -1), std::max<int64_t>(n.rank(x), 1));
  if (n.opset >= 13 || axis == n.rank(x) - 1)
    return n.set(0, n.make<Op>(x, n.named("dim", axis)));
  Ints matrix{1, 1};
  for (int64_t dim = 0; dim < n.rank(x); ++dim)
    matrix[dim >= axis] *= n.shape(x)[dim];
  Value rows = n.make<Op>(n.reshape(x, matrix), n.named("dim", int64_t(1)));
  n.set(0, rows ? n.reshape(rows, n.shape(x)) : Value());
}

// Sums of all before: a product with a triangle of ones.
static void cumulativeSum(NodeContext &n) {
  Value x = n.in(0);
  std::optional<Ints> given = n.knownInts(1);
  if (!x || !given || given->size() != 1 || !n.isFloat(x))
    return (void)n.fail("sums along a known axis of floating-point numbers only");
  int64_t axis = n.axis((*given)[0], n.rank(x)), size = n.hasFailed() ? 0 : n.shape(x)[axis];
  bool exclusive = n.integer("exclusive", 0), reverse = n.integer("reverse", 0);
  Ints back, square{size, size};
  for (int64_t dim = 0; dim < n.rank(x); ++dim)
    if (dim != axis)
      back.push_back(dim);
  back.push_back(axis);
  Value from = n.iota(square, 0, n.b.getI64Type()), to = n.iota(square, 1, n.b.getI64Type());
  StringRef order = reverse ? (exclusive ? "gt" : "ge") : (exclusive ? "lt" : "le");
  Value ones = n.cast(n.compare(order, from, to), n.element(x));
  Value rows = n.transpose(x, back);
  if (!rows)
    return;
  Ints moved(n.shape(rows)), inverse(back.size());
  Value summed = n.make<MatmulOp>(
      {n.reshape(rows, {n.type(rows).getNumElements() / std::max<int64_t>(size, 1), size}), ones});
  for (auto [i, p] : llvm::enumerate(back))
    inverse[p] = i;
  n.set(0, n.transpose(n.reshape(summed, moved), inverse));
}

llvm::ArrayRef<OpEntry> reductionOps() {
  static constexpr OpEntry table[] = {
      {"CumSum", 11, cumulativeSum},
      {"LogSoftmax", 1, softmax<LogSoftmaxOp>},
      {"ReduceL1", 1, sumAbs},
      {"ReduceL2", 1, norm2},
      {"ReduceLogSum", 1, logSum},
      {"ReduceLogSumExp", 1, logSumExp},
      {"ReduceMax", 1, reduce<ReduceMaxOp, 18>},
      {"ReduceMean", 1, reduce<ReduceMeanOp, 18>},
      {"ReduceMin", 1, reduce<ReduceMinOp, 18>},
      {"ReduceProd", 1, product},
      {"ReduceSum", 1, reduce<ReduceSumOp, 13>},
      {"ReduceSumSquare", 1, sumSquare},
      {"Softmax", 1, softmax<SoftmaxOp>},
  };
  return table;
}

} // namespace of::onnx
