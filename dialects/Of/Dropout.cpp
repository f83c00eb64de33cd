// Dropout as a comparison with random numbers.
#include "dialects/Of/Formula.h"

using namespace mlir;

namespace of {

LogicalResult DropoutOp::verify() {
  double rate = getRate().convertToDouble();
  if (!(rate >= 0 && rate < 1))
    return emitOpError() << "has rate " << rate << "; it is at least 0 and below 1";
  return success();
}

LogicalResult DropoutOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor a,
                                          SmallVectorImpl<Type> &types) {
  if (!isa<FloatType>(tensorType(a.getInput()).getElementType()))
    return emitOptionalError(loc, getOperationName(), ": drops floats, not ",
                             a.getInput().getType());
  types.push_back(withoutDist(a.getInput().getType()));
  return success();
}

void DropoutOp::setTrainingMode(bool training) { setTraining(training); }
int64_t DropoutOp::getRandomId() { return getId(); }
void DropoutOp::setRandomId(int64_t id) { setId(id); }
void DropoutOp::setRandomStep(int64_t seed, Value step) {
  setSeed(seed);
  getStepMutable().assign(step);
}

LogicalResult DropoutOp::decompose(OpBuilder &b, SmallVectorImpl<Value> &results) {
  Formula f(b, getLoc());
  double rate = getRate().convertToDouble();
  if (!getTraining() || rate == 0) {
    results.push_back(getInput());
    return success();
  }
  if (!getStep())
    return emitOpError("is in training mode without a step; give it one, or leave its mode to the "
                       "training program");
  auto drawn = RankedTensorType::get(tensorType(getInput()).getShape(), b.getF32Type());
  Value u = RandomUniformOp::create(b, getLoc(), drawn, getStep(), getSeed(), getId(),
                                    /*per_micro=*/true);
  Value isDropped = f.less(u, f.like(u, rate));
  Value kept = f.mul(getInput(), 1 / (1 - rate));
  results.push_back(f.select(isDropped, f.like(kept, 0), kept));
  return success();
}

} // namespace of
