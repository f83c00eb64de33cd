#include "lib/Train/Loss.h"

#include <cmath>

using namespace mlir;

namespace of {

namespace {
/// Scores [n..., classes] with labels [n...].
struct Labelled {
  Value scores, labels, counted;
};
} // namespace

// Positions [from, from + size) of dim 1.
static Value positions(Formula f, Value x, int64_t from, int64_t size) {
  auto type = tensorType(x);
  SmallVector<int64_t> starts(type.getRank(), 0), sizes(type.getShape()), steps(type.getRank(), 1);
  starts[1] = from;
  sizes[1] = size;
  return SliceOp::create(f.b, f.loc, x, starts, sizes, steps);
}

// As the loss pairs them.
static Labelled labelled(Formula f, const JobLoss &loss, ValueRange results, const Batch &batch) {
  Labelled out{results[loss.output], batch.lookup(loss.target), {}};
  if (loss.nextToken) {
    int64_t pairs = tensorType(out.scores).getDimSize(1) - 1;
    out.scores = positions(f, out.scores, 0, pairs);
    out.labels = positions(f, out.labels, 1, pairs);
  }
  if (loss.ignore) {
    Value differs =
        CompareOp::create(f.b, f.loc, "ne", out.labels, f.like(out.labels, *loss.ignore));
    out.counted = f.cast(differs, tensorType(out.scores).getElementType());
  }
  return out;
}

// Where not counted, 0 and no gradient, whatever the value is.
static Elements counting(Formula f, Value each, Value counted) {
  if (counted) {
    Type element = tensorType(each).getElementType();
    Value isCounted = f.less(f.scalar(element, 0), counted);
    each = f.select(isCounted, each, f.scalar(element, 0));
  }
  return {each, counted};
}

// (1 - s) cross-entropy with the label + s (the mean of cross-entropies with all classes), as
// PyTorch does.
static Value crossEntropy(Formula f, const JobLoss &loss, Value scores, Value labels) {
  Value each = CrossEntropyOp::create(f.b, f.loc, scores, labels);
  if (loss.smoothing == 0)
    return each;
  int64_t last = tensorType(scores).getRank() - 1;
  Value logs = LogSoftmaxOp::create(f.b, f.loc, scores, last);
  Value even = f.neg(f.mean(logs, {last}, false));
  return f.add(f.mul(each, 1 - loss.smoothing), f.mul(even, loss.smoothing));
}

// cos(angle + m) - c = cosine cos(m) - sin(angle) sin(m) - c. Beyond pi - m, where that rises
// again, cosine - m sin(m) - c goes on downwards, as in the authors' programs.
static Value widened(Formula f, const JobLoss &loss, Value cosine) {
  double margin = loss.angularMargin;
  if (margin != 0) {
    Value left = f.add(f.neg(f.square(cosine)), 1);
    // At angle 0 the root has no derivative; rounding may take the cosine beyond 1.
    Value least = f.like(left, 1e-12);
    Value sine = f.sqrt(f.select(f.less(least, left), left, least));
    Value turned = f.sub(f.mul(cosine, std::cos(margin)), f.mul(sine, std::sin(margin)));
    Value before = f.less(f.like(cosine, -std::cos(margin)), cosine);
    cosine = f.select(before, turned, f.add(cosine, -margin * std::sin(margin)));
  }
  return loss.cosineMargin == 0 ? cosine : f.add(cosine, -loss.cosineMargin);
}

// The label's cosine is picked first: margins are then computed once per row, and on split classes
// wherever the label lies.
static Value marginSoftmax(Formula f, const JobLoss &loss, Value cosines, Value labels) {
  auto type = tensorType(cosines), labelType = tensorType(labels);
  int64_t last = type.getRank() - 1;
  SmallVector<int64_t> column(labelType.getShape());
  column.push_back(1);
  Value classes = IotaOp::create(
      f.b, f.loc, RankedTensorType::get(type.getShape(), labelType.getElementType()), last);
  Value isLabel = f.equal(classes, f.reshape(labels, column));
  Value picked = f.sum(f.select(isLabel, cosines, f.like(cosines, 0)), {last}, true);
  Value scores = f.mul(f.select(isLabel, widened(f, loss, picked), cosines), loss.scale);
  return crossEntropy(f, loss, scores, labels);
}

// max(x, 0) - x t + log(1 + e^-|x|), with nothing that overflows.
static Value binaryCrossEntropy(Formula f, Value logits, Value targets) {
  Value grown = SoftplusOp::create(f.b, f.loc, logits);
  return f.sub(grown, f.mul(logits, targets));
}

Elements elementLosses(Formula f, const JobLoss &loss, ValueRange results, const Batch &batch) {
  Value output = results[loss.output];
  if (loss.hasLabels()) {
    Labelled in = labelled(f, loss, results, batch);
    auto each = loss.kind == JobLoss::Kind::MarginSoftmax ? marginSoftmax : crossEntropy;
    return counting(f, each(f, loss, in.scores, in.labels), in.counted);
  }
  switch (loss.kind) {
  case JobLoss::Kind::Mse:
    return {f.square(f.sub(output, batch.lookup(loss.target))), {}};
  case JobLoss::Kind::BinaryCrossEntropy:
    return {binaryCrossEntropy(f, output, batch.lookup(loss.target)), {}};
  default:
    return {output, {}};
  }
}

Elements correctElements(Formula f, const Job &job, ValueRange results, const Batch &batch) {
  const JobEvaluate &evaluate = *job.evaluate;
  Labelled in{results[evaluate.logits], batch.lookup(evaluate.labels), {}};
  if (evaluate.followsLoss)
    in = labelled(f, job.loss, results, batch);
  auto type = tensorType(in.scores);
  Type index = tensorType(in.labels).getElementType();
  int64_t last = type.getRank() - 1, classes = type.getShape().back();
  Value top = ReduceMaxOp::create(f.b, f.loc, in.scores, last, true);
  Value indices = IotaOp::create(f.b, f.loc, RankedTensorType::get(type.getShape(), index), last);
  // The first class that attains the maximum, as argmax; NaN attains nothing and is never correct.
  Value candidates = f.select(f.equal(in.scores, top), indices, f.scalar(index, classes));
  Value best = ReduceMinOp::create(f.b, f.loc, candidates, last, false);
  return counting(f, f.cast(f.equal(best, in.labels), type.getElementType()), in.counted);
}

Value rowSums(Formula f, Value elements) { return f.sumFrom(elements, 1); }

double rowElements(Value elements) {
  auto type = tensorType(elements);
  return type.getRank() == 0 ? 1 : double(type.getNumElements()) / type.getDimSize(0);
}

} // namespace of
