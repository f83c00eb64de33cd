// Softmax and losses as short programs. Reductions over classes become partial where the classes
// are split.
#include "dialects/Of/Formula.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace of {

static LogicalResult inferSoftmax(std::optional<Location> loc, StringRef op, Value input,
                                  int64_t dim, SmallVectorImpl<Type> &types) {
  auto type = withoutDist(input.getType());
  if (dim < -type.getRank() || dim >= type.getRank())
    return emitOptionalError(loc, op, ": dim ", dim, " is out of range for ", type);
  types.push_back(type);
  return success();
}

LogicalResult SoftmaxOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferSoftmax(loc, "softmax", adaptor.getInput(), adaptor.getDim(), types);
}

LogicalResult SoftmaxOp::decompose(OpBuilder &b, SmallVectorImpl<Value> &results) {
  Location loc = getLoc();
  SmallVector<int64_t> dims =
      normalizeDims({static_cast<int64_t>(getDim())}, tensorType(getInput()).getRank());
  // The maximum only keeps exp in range: softmax does not depend on it, so neither does the
  // gradient.
  Value top = StopGradientOp::create(b, loc, ReduceMaxOp::create(b, loc, getInput(), dims, true));
  Value e = ExpOp::create(b, loc, SubOp::create(b, loc, getInput(), top));
  results.push_back(DivOp::create(b, loc, e, ReduceSumOp::create(b, loc, e, dims, true)));
  return success();
}

// y (g - sum of g y): of its parts exp and the sum would be kept beside y.
LogicalResult SoftmaxOp::buildGradient(OpBuilder &b, ValueRange grads,
                                       SmallVectorImpl<Value> &out) {
  Formula f(b, getLoc());
  Value g = grads[0], y = getResult();
  SmallVector<int64_t> dims =
      normalizeDims({static_cast<int64_t>(getDim())}, tensorType(y).getRank());
  out[0] = f.mul(y, f.sub(g, f.sum(f.mul(g, y), dims, true)));
  return success();
}

LogicalResult LogSoftmaxOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                             Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferSoftmax(loc, "log_softmax", adaptor.getInput(), adaptor.getDim(), types);
}

LogicalResult LogSoftmaxOp::decompose(OpBuilder &b, SmallVectorImpl<Value> &results) {
  Location loc = getLoc();
  SmallVector<int64_t> dims =
      normalizeDims({static_cast<int64_t>(getDim())}, tensorType(getInput()).getRank());
  Value top = StopGradientOp::create(b, loc, ReduceMaxOp::create(b, loc, getInput(), dims, true));
  Value shifted = SubOp::create(b, loc, getInput(), top);
  Value sum = ReduceSumOp::create(b, loc, ExpOp::create(b, loc, shifted), dims, true);
  results.push_back(SubOp::create(b, loc, shifted, LogOp::create(b, loc, sum)));
  return success();
}

LogicalResult CrossEntropyOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                               Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto logits = tensorType(adaptor.getLogits()), labels = tensorType(adaptor.getLabels());
  bool fits = logits.getRank() == labels.getRank() + 1 &&
              succeeded(verifyCompatibleShape(logits.getShape().drop_back(), labels.getShape()));
  if (!fits || isa<FloatType>(labels.getElementType()))
    return emitOptionalError(loc, "cross_entropy: logits ", logits,
                             " need integer labels of one dim less, got ", labels);
  types.push_back(RankedTensorType::get(logits.getShape().drop_back(), logits.getElementType()));
  return success();
}

LogicalResult CrossEntropyOp::decompose(OpBuilder &b, SmallVectorImpl<Value> &results) {
  Location loc = getLoc();
  Value logits = getLogits();
  auto type = tensorType(logits), labelType = tensorType(getLabels());
  int64_t last = type.getRank() - 1;
  Value top = StopGradientOp::create(b, loc, ReduceMaxOp::create(b, loc, logits, last, true));
  Value shifted = SubOp::create(b, loc, logits, top);
  Value sum = ReduceSumOp::create(b, loc, ExpOp::create(b, loc, shifted), last, false);
  // The label's logit is picked by comparing class indices, which works on any split of the
  // classes.
  SmallVector<int64_t> column(labelType.getShape());
  column.push_back(1);
  Value label = ReshapeOp::create(b, loc, getLabels(), column);
  Value classes = IotaOp::create(
      b, loc, RankedTensorType::get(type.getShape(), labelType.getElementType()), last);
  Value isLabel = CompareOp::create(b, loc, "eq", classes, label);
  Value picked = ReduceSumOp::create(
      b, loc, SelectOp::create(b, loc, isLabel, shifted, scalarLike(b, loc, shifted, 0)), last,
      false);
  results.push_back(SubOp::create(b, loc, LogOp::create(b, loc, sum), picked));
  return success();
}

} // namespace of
