// Reshape, transpose and their like.
#include "dialects/Of/Of.h"

using namespace mlir;

namespace of {

// ---- reshape
// -------------------------------------------------------------------------------------------------------

LogicalResult ReshapeOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto input = cast<RankedTensorType>(adaptor.getInput().getType());
  SmallVector<int64_t> shape(adaptor.getShape());
  int64_t known = 1, infer = -1;
  for (auto [i, dim] : llvm::enumerate(shape)) {
    if (dim == 0) {
      if (static_cast<int64_t>(i) >= input.getRank())
        return emitOptionalError(loc, "reshape: dim ", i, " is 0 (copy) but the input has rank ",
                                 input.getRank());
      dim = input.getDimSize(i);
    } else if (dim == -1) {
      if (infer >= 0)
        return emitOptionalError(loc, "reshape: more than one dim is -1");
      infer = i;
      continue;
    }
    if (!ShapedType::isDynamic(dim))
      known *= dim;
  }
  bool dynamic = !input.hasStaticShape();
  if (infer >= 0) {
    if (dynamic)
      // Dynamic dims that are copied cancel; what is left is inferable only if none remains.
      shape[infer] = [&]() -> int64_t {
        int64_t total = 1, in = 0, out = llvm::count_if(shape, ShapedType::isDynamic);
        for (int64_t d : input.getShape())
          ShapedType::isDynamic(d) ? void(++in) : void(total *= d);
        return in == out && known && total % known == 0 ? total / known : ShapedType::kDynamic;
      }();
    else if (known == 0 || input.getNumElements() % known)
      return emitOptionalError(loc, "reshape: ", input, " does not divide into the given shape");
    else
      shape[infer] = input.getNumElements() / known;
  }
  auto result = RankedTensorType::get(shape, input.getElementType());
  if (!dynamic && result.hasStaticShape() && result.getNumElements() != input.getNumElements())
    return emitOptionalError(loc, "reshape: ", input, " has ", input.getNumElements(),
                             " elements, ", result, " has ", result.getNumElements());
  types.push_back(result);
  return success();
}

// Input and output dims fall into groups of equal products; the major dim of a group can be split
// on both sides.
ShardingRule ReshapeOp::getShardingRule() {
  auto in = cast<RankedTensorType>(getInput().getType()), out = cast<RankedTensorType>(getType());
  ShardingRule rule;
  int64_t i = 0, o = 0;
  while (i < in.getRank() && o < out.getRank()) {
    // A dim of size 1 on one side alone belongs to no group.
    if ((in.getDimSize(i) == 1) != (out.getDimSize(o) == 1)) {
      ++(in.getDimSize(i) == 1 ? i : o);
      continue;
    }
    int64_t firstIn = i, firstOut = o;
    int64_t productIn = in.getDimSize(i++), productOut = out.getDimSize(o++);
    while (productIn != productOut) {
      if (productIn < productOut)
        productIn *= in.getDimSize(i++);
      else
        productOut *= out.getDimSize(o++);
    }
    Factor factor;
    factor.size = std::min(in.getDimSize(firstIn), out.getDimSize(firstOut));
    // [6, 4] -> [3, 8]: only a split that divides both majors is one on both sides.
    if (std::max(in.getDimSize(firstIn), out.getDimSize(firstOut)) %
        std::max<int64_t>(factor.size, 1))
      continue;
    factor.operandDims = {static_cast<int>(firstIn)};
    factor.resultDims = {static_cast<int>(firstOut)};
    factor.evenOnly = in.getDimSize(firstIn) != out.getDimSize(firstOut);
    if (factor.size > 1)
      rule.factors.push_back(factor);
  }
  rule.extra.push_back({{Sbp::partialSum()}, {Sbp::partialSum()}});
  for (SbpKind kind : {SbpKind::PartialMax, SbpKind::PartialMin})
    rule.extra.push_back({{Sbp{kind, 0}}, {Sbp{kind, 0}}});
  return rule;
}

LogicalResult ReshapeOp::buildGradient(OpBuilder &b, ValueRange resultGrads,
                                       SmallVectorImpl<Value> &operandGrads) {
  operandGrads[0] = ReshapeOp::create(b, getLoc(), resultGrads[0],
                                      cast<RankedTensorType>(getInput().getType()).getShape());
  return success();
}

// ---- transpose
// -----------------------------------------------------------------------------------------------------

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto input = cast<RankedTensorType>(adaptor.getInput().getType());
  ArrayRef<int64_t> permutation = adaptor.getPermutation();
  SmallVector<bool> seen(input.getRank(), false);
  SmallVector<int64_t> shape;
  for (int64_t dim : permutation) {
    if (dim < 0 || dim >= input.getRank() || std::exchange(seen[dim], true))
      return emitOptionalError(loc, "transpose: the permutation is not one of the ",
                               input.getRank(), " input dims");
    shape.push_back(input.getDimSize(dim));
  }
  if (static_cast<int64_t>(permutation.size()) != input.getRank())
    return emitOptionalError(loc, "transpose: the permutation has ", permutation.size(),
                             " entries for rank ", input.getRank());
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  return success();
}

AffineMap TransposeOp::getOperandMap(unsigned) {
  SmallVector<AffineExpr> exprs(getPermutation().size());
  for (auto [resultDim, inputDim] : llvm::enumerate(getPermutation()))
    exprs[inputDim] = getAffineDimExpr(resultDim, getContext());
  return AffineMap::get(exprs.size(), 0, exprs, getContext());
}

Value TransposeOp::buildScalar(OpBuilder &, ValueRange operands, PointContext &) {
  return operands[0];
}
SmallVector<SmallVector<unsigned>> TransposeOp::getLinearOperandSets() { return {{0}}; }
ShardingRule TransposeOp::getShardingRule() { return pointwiseRule(*this); }

LogicalResult TransposeOp::buildGradient(OpBuilder &b, ValueRange resultGrads,
                                         SmallVectorImpl<Value> &operandGrads) {
  SmallVector<int64_t> inverse(getPermutation().size());
  for (auto [i, p] : llvm::enumerate(getPermutation()))
    inverse[p] = i;
  operandGrads[0] = TransposeOp::create(b, getLoc(), resultGrads[0], inverse);
  return success();
}

} // namespace of
