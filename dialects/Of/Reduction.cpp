// Reductions.
#include "dialects/Of/Build.h"

using namespace mlir;

namespace of {

SmallVector<int64_t> normalizeDims(ArrayRef<int64_t> dims, int64_t rank) {
  SmallVector<int64_t> out;
  for (int64_t dim : dims)
    out.push_back(dim < 0 ? dim + rank : dim);
  llvm::sort(out);
  return out;
}

static LogicalResult inferReduction(std::optional<Location> loc, Value input,
                                    ArrayRef<int64_t> dims, bool keepdims,
                                    SmallVectorImpl<Type> &types) {
  auto type = tensorType(input);
  SmallVector<int64_t> folded = normalizeDims(dims, type.getRank()), shape;
  for (auto [i, dim] : llvm::enumerate(folded))
    if (dim < 0 || dim >= type.getRank() || (i && folded[i - 1] == dim))
      return emitOptionalError(loc, "reduction: dims are repeated or out of range for rank ",
                               type.getRank());
  for (int64_t i = 0; i < type.getRank(); ++i) {
    if (!llvm::is_contained(folded, i))
      shape.push_back(type.getDimSize(i));
    else if (keepdims)
      shape.push_back(1);
  }
  types.push_back(RankedTensorType::get(shape, type.getElementType()));
  return success();
}

// The reduced value with the folded dims back as size 1, so that it broadcasts against the input.
static Value withKeptDims(OpBuilder &b, Location loc, Value reduced, Value input,
                          ArrayRef<int64_t> dims) {
  SmallVector<int64_t> shape(tensorType(input).getShape());
  for (int64_t dim : dims)
    shape[dim] = 1;
  if (tensorType(reduced).getShape() == ArrayRef<int64_t>(shape))
    return reduced;
  return ReshapeOp::create(b, loc, reduced, shape);
}

// Gradient of max and min: an even share for every element that attains the extremum.
static Value gradientOfExtremum(OpBuilder &b, Location loc, Value g, Value input, Value result,
                                ArrayRef<int64_t> dims) {
  Value attains = CompareOp::create(b, loc, "eq", input, withKeptDims(b, loc, result, input, dims));
  Value ones = CastOp::create(b, loc, attains, tensorType(input).getElementType());
  Value count = ReduceSumOp::create(b, loc, ones, dims, true);
  return MulOp::create(b, loc, ones,
                       DivOp::create(b, loc, withKeptDims(b, loc, g, input, dims), count));
}

#define OF_REDUCTION(Op, COMBINER, GRADIENT)                                                       \
  LogicalResult Op::verify() {                                                                     \
    return llvm::is_sorted(getDims()) && (getDims().empty() || getDims()[0] >= 0)                  \
               ? success()                                                                         \
               : emitOpError("needs its dims ascending and counted from the front");               \
  }                                                                                                \
  LogicalResult Op::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor adaptor,  \
                                     SmallVectorImpl<Type> &types) {                               \
    return inferReduction(loc, adaptor.getInput(), adaptor.getDims(), adaptor.getKeepdims(),       \
                          types);                                                                  \
  }                                                                                                \
  SmallVector<int64_t> Op::getReducedDims() { return SmallVector<int64_t>(getDims()); }            \
  SbpKind Op::getCombiner() { return COMBINER; }                                                   \
  ShardingRule Op::getShardingRule() { return reductionRule(*this); }                              \
  LogicalResult Op::buildGradient(OpBuilder &b, ValueRange grads, SmallVectorImpl<Value> &out) {   \
    Location loc = getLoc();                                                                       \
    out[0] = GRADIENT;                                                                             \
    return success();                                                                              \
  }

OF_REDUCTION(ReduceSumOp, SbpKind::PartialSum,
             ExpandOp::create(b, loc, withKeptDims(b, loc, grads[0], getInput(), getDims()),
                              getInput()))
OF_REDUCTION(ReduceMaxOp, SbpKind::PartialMax,
             gradientOfExtremum(b, loc, grads[0], getInput(), getResult(), getDims()))
OF_REDUCTION(ReduceMinOp, SbpKind::PartialMin,
             gradientOfExtremum(b, loc, grads[0], getInput(), getResult(), getDims()))

LogicalResult ReduceMeanOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                             Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferReduction(loc, adaptor.getInput(), adaptor.getDims(), adaptor.getKeepdims(), types);
}

LogicalResult ReduceMeanOp::decompose(OpBuilder &b, SmallVectorImpl<Value> &results) {
  auto type = tensorType(getInput());
  SmallVector<int64_t> dims = normalizeDims(getDims(), type.getRank());
  double count = 1;
  for (int64_t dim : dims)
    count *= type.getDimSize(dim);
  Value sum = ReduceSumOp::create(b, getLoc(), getInput(), dims, getKeepdims());
  results.push_back(MulOp::create(b, getLoc(), sum, scalarLike(b, getLoc(), sum, 1 / count)));
  return success();
}

} // namespace of
