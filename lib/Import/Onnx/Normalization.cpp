// Normalisations.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

using namespace mlir;

namespace of::onnx {

// ONNX keeps `momentum` of the state and divides the variance by n; PyTorch, whose exports this is
// for, adds `momentum` and divides by n - 1, as of.batch_norm does. In training the statistics
// follow PyTorch; outputs that ask for them get what ONNX says.
static void batchNorm(NodeContext &n) {
  SmallVector<Value> x = n.allInputs();
  if (n.hasFailed() || x.size() != 5)
    return (void)n.fail("has " + Twine(x.size()) + " inputs, not 5");
  bool isTraining = n.opset >= 14 ? n.integer("training_mode", 0) : n.wants(1);
  double momentum = n.number("momentum", 0.9);
  SmallVector<NamedAttribute> attributes{n.named("epsilon", n.number("epsilon", 1e-5)),
                                         n.named("momentum", 1 - momentum)};
  if (isTraining)
    attributes.push_back(n.flag("training"));
  else
    ++n.import.hints.evalNorms;
  n.import.freeze(x[3]);
  n.import.freeze(x[4]);
  Operation *op = n.makeOp(BatchNormOp::getOperationName(), x, attributes, 3);
  if (!op)
    return;
  n.set(0, op->getResult(0));
  if (!isTraining || n.opset < 14)
    return;
  double count = double(n.type(x[0]).getNumElements()) / std::max<int64_t>(n.shape(x[1])[0], 1);
  if (n.wants(1))
    n.set(1, n.add(n.mul(x[3], momentum), n.mul(op->getResult(1), 1 - momentum)));
  if (n.wants(2))
    n.set(2, n.add(n.mul(x[4], momentum),
                   n.mul(op->getResult(2), (1 - momentum) * (count - 1) / count)));
}

static void instanceNorm(NodeContext &n) {
  Value x = n.in(0), scale = n.in(1), bias = n.in(2);
  if (!x || n.rank(x) < 3)
    return (void)n.fail("needs an input [n, c, ...]");
  n.set(0, n.make<GroupNormOp>({x, scale, bias}, {n.named("groups", n.shape(x)[1]),
                                                  n.named("epsilon", n.number("epsilon", 1e-5))}));
}

// Before opset 21 scale and bias have one value per group.
static void groupNorm(NodeContext &n) {
  Value x = n.in(0), scale = n.in(1), bias = n.in(2);
  int64_t groups = n.integer("num_groups", 0);
  if (!x || !scale || !bias || n.rank(x) < 2 || groups < 1 || n.shape(x)[1] % groups ||
      n.rank(scale) != 1 || n.rank(bias) != 1)
    return (void)n.fail("needs an input [n, c, ...] whose channels divide into its groups, and a "
                        "list of scales and of biases");
  int64_t each = n.shape(x)[1] / groups;
  auto perChannel = [&](Value v) {
    if (n.opset >= 21 || n.shape(v)[0] != groups)
      return v;
    return n.reshape(n.broadcast(n.reshape(v, {groups, 1}), {groups, each}), {groups * each});
  };
  n.set(0, n.make<GroupNormOp>(
               {x, perChannel(scale), perChannel(bias)},
               {n.named("groups", groups), n.named("epsilon", n.number("epsilon", 1e-5))}));
}

static Ints dimsFrom(NodeContext &n, Value x, int64_t axis) {
  Ints dims;
  for (int64_t dim = n.axis(axis, n.rank(x)); dim < n.rank(x); ++dim)
    dims.push_back(dim);
  return dims;
}

static Value meanOver(NodeContext &n, Value x, ArrayRef<int64_t> dims) {
  return n.make<ReduceMeanOp>(x, {n.named("dims", dims), n.flag("keepdims")});
}

static void layerNorm(NodeContext &n) {
  SmallVector<Value> operands = n.allInputs();
  if (n.hasFailed())
    return;
  Value x = operands[0];
  int64_t axis = n.axis(n.integer("axis", -1), n.rank(x));
  double epsilon = n.number("epsilon", 1e-5);
  n.set(0, n.make<LayerNormOp>(operands, {n.named("dim", axis), n.named("epsilon", epsilon)}));
  if (n.hasFailed() || (!n.wants(1) && !n.wants(2)))
    return;
  Ints dims = dimsFrom(n, x, axis);
  Value mean = meanOver(n, x, dims);
  n.set(1, mean);
  Value variance = meanOver(n, n.make<SquareOp>(n.sub(x, mean)), dims);
  n.set(2, n.make<RsqrtOp>(n.add(variance, epsilon)));
}

static void rmsNorm(NodeContext &n) {
  Value x = n.in(0), scale = n.in(1);
  if (!x || !scale)
    return;
  Value mean = meanOver(n, n.make<SquareOp>(x), dimsFrom(n, x, n.integer("axis", -1)));
  Value factor = n.make<RsqrtOp>(n.add(mean, n.number("epsilon", 1e-5)));
  n.set(0, n.mul(n.mul(x, factor), scale));
}

static void lpNorm(NodeContext &n) {
  Value x = n.in(0);
  int64_t p = n.integer("p", 2);
  if (!x || (p != 1 && p != 2))
    return (void)n.fail("has p that is neither 1 nor 2");
  Ints dims{n.axis(n.integer("axis", -1), n.rank(x))};
  Value size = p == 1 ? n.sum(n.make<AbsOp>(x), dims, true)
                      : n.make<SqrtOp>(n.sum(n.make<SquareOp>(x), dims, true));
  n.set(0, n.div(x, size));
}

static void meanVarianceNorm(NodeContext &n) {
  Value x = n.in(0);
  if (!x)
    return;
  Ints dims = n.axes(n.integers("axes").value_or(Ints{0, 2, 3}), n.rank(x));
  if (n.hasFailed())
    return;
  Value centred = n.sub(x, meanOver(n, x, dims));
  Value variance = meanOver(n, n.make<SquareOp>(centred), dims);
  n.set(0, n.div(centred, n.add(n.make<SqrtOp>(variance), 1e-9)));
}

// Krizhevsky et al. 2012: divided by a power of the squares of neighbouring channels.
static void localResponseNorm(NodeContext &n) {
  Value x = n.in(0);
  int64_t size = n.integer("size", 0);
  if (!x || n.rank(x) < 2 || size < 1 || size > 64)
    return (void)n.fail("needs an input [n, c, ...] and a size of 1 to 64");
  Ints low(n.rank(x), 0), high(n.rank(x), 0);
  low[1] = (size - 1) / 2;
  high[1] = size / 2;
  Value padded = n.pad(n.make<SquareOp>(x), low, high);
  Value sum;
  for (int64_t i = 0; i < size; ++i) {
    Value part = n.sliceDim(padded, 1, i, n.shape(x)[1]);
    sum = sum ? n.add(sum, part) : part;
  }
  Value base = n.add(n.mul(sum, n.number("alpha", 1e-4) / size), n.number("bias", 1));
  n.set(0, n.div(x, n.make<PowOp>({base, n.like(x, n.number("beta", 0.75))})));
}

llvm::ArrayRef<OpEntry> normalizationOps() {
  static constexpr OpEntry table[] = {
      {"BatchNormalization", 9, batchNorm},
      {"GroupNormalization", 18, groupNorm},
      {"InstanceNormalization", 6, instanceNorm},
      {"LRN", 1, localResponseNorm},
      {"LayerNormalization", 17, layerNorm},
      {"LpNormalization", 1, lpNorm},
      {"MeanVarianceNormalization", 9, meanVarianceNorm},
      {"RMSNormalization", 23, rmsNorm},
  };
  return table;
}

} // namespace of::onnx
