// Programs, micro-batches and boxing.
#include "dialects/Of/Of.h"

using namespace mlir;

namespace of {

LogicalResult MicroOp::verify() {
  if (getCount() < 1)
    return emitOpError("has count ") << getCount() << "; a step has at least one micro-batch";
  auto yield = cast<YieldOp>(getBody().front().getTerminator());
  if (yield.getValues().getTypes() != getResultTypes())
    return emitOpError("has results whose types differ from what its region yields");
  return success();
}

LogicalResult BoxingOp::verify() {
  if (!distOf(getInput()) || !distOf(getResult()))
    return emitOpError("needs a distribution on its input and on its result");
  if (withoutDist(getInput().getType()) != withoutDist(getResult().getType()))
    return emitOpError("changes the shape or element type; it may change the distribution only");
  for (Sbp sbp : distOf(getResult()).getSbp())
    if (sbp.kind == SbpKind::PartialMax || sbp.kind == SbpKind::PartialMin)
      if (distOf(getInput()) != distOf(getResult()))
        return emitOpError("cannot produce a partial maximum or minimum");
  return success();
}

OpFoldResult BoxingOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput()) : OpFoldResult();
}

} // namespace of
