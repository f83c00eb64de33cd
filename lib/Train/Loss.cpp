#include "lib/Train/Loss.h"

using namespace mlir;

namespace of {

Value elementLosses(Formula f, const Job &job, ValueRange results, const Batch &batch) {
  Value output = results[job.loss.output];
  switch (job.loss.kind) {
  case JobLoss::Kind::CrossEntropy:
    return CrossEntropyOp::create(f.b, f.loc, output, batch.lookup(job.loss.target));
  case JobLoss::Kind::Mse:
    return f.square(f.sub(output, batch.lookup(job.loss.target)));
  case JobLoss::Kind::Output:
    return output;
  }
  return {};
}

Value perRow(Formula f, Value elements) {
  auto type = tensorType(elements);
  if (type.getRank() <= 1)
    return elements;
  double others = 1;
  for (int64_t dim : type.getShape().drop_front())
    others *= dim;
  return f.mul(f.sumFrom(elements, 1), 1 / others);
}

Value correctElements(Formula f, Value logits, Value labels) {
  auto type = tensorType(logits);
  Type index = tensorType(labels).getElementType();
  int64_t last = type.getRank() - 1, classes = type.getShape().back();
  Value top = ReduceMaxOp::create(f.b, f.loc, logits, last, true);
  Value indices = IotaOp::create(f.b, f.loc, RankedTensorType::get(type.getShape(), index), last);
  // The first class that attains the maximum, as argmax; NaN attains nothing and is never correct.
  Value candidates = f.select(f.equal(logits, top), indices, f.scalar(index, classes));
  Value best = ReduceMinOp::create(f.b, f.loc, candidates, last, false);
  return f.cast(f.equal(best, labels), type.getElementType());
}

} // namespace of
