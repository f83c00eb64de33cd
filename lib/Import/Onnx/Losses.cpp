// Losses that a model computes itself: the mean, the sum or each of -log p(class).
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

using namespace mlir;

namespace of::onnx {

namespace {
/// Of scores [n, c, ...] and classes [n, ...]: the score of each class, and what it counts.
struct Picked {
  Value score, weight;
};
} // namespace

static Picked pick(NodeContext &n, Value scores, Value classes, Value weights) {
  Ints column(n.shape(classes)), perClass(n.rank(scores), 1);
  column.insert(column.begin() + 1, 1);
  perClass[1] = n.shape(scores)[1];
  classes = n.cast(classes, n.b.getI64Type());
  Value hit =
      n.compare("eq", n.iota(n.shape(scores), 1, n.b.getI64Type()), n.reshape(classes, column));
  Value zero = n.like(scores, 0);
  Picked out;
  out.score = n.sum(n.select(hit, scores, zero), {1}, false);
  if (weights)
    out.weight = n.sum(n.select(hit, n.reshape(weights, perClass), zero), {1}, false);
  else
    out.weight = n.splat(RankedTensorType::get(n.shape(classes), n.element(scores)), 1);
  if (n.hasAttr("ignore_index")) {
    Value ignored = n.compare("eq", classes, n.like(classes, n.integer("ignore_index", 0)));
    out.weight = n.select(ignored, zero, out.weight);
  }
  return out;
}

static Value lossOf(NodeContext &n, Value scores, Value classes, Value weights) {
  if (!scores || !classes || n.rank(scores) < 2 || !isa<IntegerType>(n.element(classes)) ||
      n.rank(classes) != n.rank(scores) - 1 || !n.isFloat(scores) ||
      (weights && n.type(weights).getNumElements() != n.shape(scores)[1]))
    return n.fail("needs scores [n, c, ...], integer classes [n, ...] and a weight for each class");
  Picked picked = pick(n, scores, classes, weights);
  Value each = n.make<NegOp>(n.mul(picked.score, picked.weight));
  StringRef reduction = n.text("reduction", "mean");
  if (!each || reduction == "none")
    return each;
  Ints all;
  for (int64_t dim = 0; dim < n.rank(each); ++dim)
    all.push_back(dim);
  Value sum = n.sum(each, all, false);
  return reduction == "sum" ? sum : n.div(sum, n.sum(picked.weight, all, false));
}

static void negativeLogLikelihood(NodeContext &n) {
  Value scores = n.in(0), classes = n.in(1), weights = n.has(2) ? n.in(2) : Value();
  n.set(0, lossOf(n, scores, classes, weights));
}

static void softmaxCrossEntropy(NodeContext &n) {
  Value logits = n.in(0), classes = n.in(1), weights = n.has(2) ? n.in(2) : Value();
  if (!logits || n.rank(logits) < 2)
    return (void)n.fail("needs scores [n, c, ...]");
  Value scores = n.make<LogSoftmaxOp>(logits, n.named("dim", int64_t(1)));
  n.set(0, lossOf(n, scores, classes, weights));
  if (n.wants(1))
    n.set(1, scores);
}

llvm::ArrayRef<OpEntry> lossOps() {
  static constexpr OpEntry table[] = {
      {"NegativeLogLikelihoodLoss", 12, negativeLogLikelihood},
      {"SoftmaxCrossEntropyLoss", 12, softmaxCrossEntropy},
  };
  return table;
}

} // namespace of::onnx
