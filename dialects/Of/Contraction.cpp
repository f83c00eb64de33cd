// Matrix products and convolutions.
#include "dialects/Of/Build.h"

using namespace mlir;

namespace of {

// ---- matmul
// --------------------------------------------------------------------------------------------------------

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto lhs = tensorType(adaptor.getLhs()), rhs = tensorType(adaptor.getRhs());
  int64_t lr = lhs.getRank(), rr = rhs.getRank();
  if (lr < 2 || rr < 2 || (rr != 2 && rr != lr))
    return emitOptionalError(
        loc, "matmul: needs lhs of rank >= 2 and rhs of the same rank or of rank 2, got ", lhs,
        " and ", rhs);
  if (lhs.getElementType() != rhs.getElementType())
    return emitOptionalError(loc, "matmul: element types differ: ", lhs, " and ", rhs,
                             "; insert an of.cast");
  bool tl = adaptor.getTransposeLhs(), tr = adaptor.getTransposeRhs();
  if (tl && rr == 2 && lr != 2)
    return emitOptionalError(loc, "matmul: transpose_lhs with a batched lhs needs a batched rhs");
  int64_t m = lhs.getDimSize(tl ? lr - 1 : lr - 2), kl = lhs.getDimSize(tl ? lr - 2 : lr - 1);
  int64_t kr = rhs.getDimSize(tr ? rr - 1 : rr - 2), n = rhs.getDimSize(tr ? rr - 2 : rr - 1);
  auto differ = [](int64_t a, int64_t b) {
    return a != b && !ShapedType::isDynamic(a) && !ShapedType::isDynamic(b);
  };
  if (differ(kl, kr))
    return emitOptionalError(loc, "matmul: inner dims ", kl, " and ", kr, " differ: ", lhs,
                             " times ", rhs);
  SmallVector<int64_t> shape(lhs.getShape().drop_back(2));
  if (rr > 2)
    for (int64_t i = 0; i + 2 < lr; ++i)
      if (differ(lhs.getDimSize(i), rhs.getDimSize(i)))
        return emitOptionalError(loc, "matmul: batch dims differ: ", lhs, " times ", rhs);
  shape.append({m, n});
  types.push_back(RankedTensorType::get(shape, lhs.getElementType()));
  return success();
}

ShardingRule MatmulOp::getShardingRule() {
  auto lhs = tensorType(getLhs()), rhs = tensorType(getRhs());
  int lr = lhs.getRank(), rr = rhs.getRank();
  ShardingRule rule;
  auto add = [&](int64_t size, int l, int r, int out, SbpKind reduction = SbpKind::Broadcast) {
    Factor f;
    f.size = size;
    f.operandDims = {l, r};
    f.resultDims = {out};
    f.reduction = reduction;
    rule.factors.push_back(f);
  };
  for (int i = 0; i + 2 < lr; ++i)
    add(lhs.getDimSize(i), i, rr > 2 ? i : -1, i);
  int m = getTransposeLhs() ? lr - 1 : lr - 2, kl = getTransposeLhs() ? lr - 2 : lr - 1;
  int kr = getTransposeRhs() ? rr - 1 : rr - 2, n = getTransposeRhs() ? rr - 2 : rr - 1;
  add(lhs.getDimSize(m), m, -1, lr - 2);
  add(rhs.getDimSize(n), -1, n, lr - 1);
  add(lhs.getDimSize(kl), kl, kr, -1, SbpKind::PartialSum);
  rule.extra.push_back({{Sbp::partialSum(), Sbp::broadcast()}, {Sbp::partialSum()}});
  rule.extra.push_back({{Sbp::broadcast(), Sbp::partialSum()}, {Sbp::partialSum()}});
  return rule;
}

// Batched lhs with a rank-2 rhs is one product over all rows.
static Value flattenRows(OpBuilder &b, Location loc, Value v) {
  auto type = tensorType(v);
  if (type.getRank() == 2)
    return v;
  return ReshapeOp::create(b, loc, v, ArrayRef<int64_t>{-1, type.getShape().back()});
}

LogicalResult MatmulOp::buildGradient(OpBuilder &b, ValueRange grads, SmallVectorImpl<Value> &out) {
  Location loc = getLoc();
  Value g = grads[0], x = getLhs(), w = getRhs();
  bool tl = getTransposeLhs(), tr = getTransposeRhs();
  // y = x w: dx = g w^T, dw = x^T g; each transposed operand swaps the roles.
  out[0] =
      tl ? MatmulOp::create(b, loc, w, g, tr, true) : MatmulOp::create(b, loc, g, w, false, !tr);
  if (tensorType(w).getRank() == 2) {
    x = flattenRows(b, loc, x);
    g = flattenRows(b, loc, g);
  }
  out[1] =
      tr ? MatmulOp::create(b, loc, g, x, true, tl) : MatmulOp::create(b, loc, x, g, !tl, false);
  return success();
}

double MatmulOp::getFlops(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) {
  int64_t k = operands[0].getShape()[operands[0].getRank() - (getTransposeLhs() ? 2 : 1)];
  return 2.0 * results[0].getNumElements() * k;
}

int64_t MatmulOp::getProducts(ArrayRef<RankedTensorType> operands,
                              ArrayRef<RankedTensorType> results) {
  return getLibraryCall(operands, results).ints.front();
}

LibraryCall MatmulOp::getLibraryCall(ArrayRef<RankedTensorType> operands,
                                     ArrayRef<RankedTensorType> results) {
  RankedTensorType lhs = operands[0], rhs = operands[1], out = results[0];
  bool tl = getTransposeLhs(), tr = getTransposeRhs();
  int64_t m = out.getShape()[out.getRank() - 2], n = out.getShape().back();
  int64_t k = lhs.getShape()[lhs.getRank() - (tl ? 2 : 1)];
  int64_t batch = 1;
  for (int64_t dim : out.getShape().drop_back(2))
    batch *= dim;
  if (rhs.getRank() == 2 && !tl) { // one product over all rows
    m *= batch;
    batch = 1;
  }
  LibraryCall call;
  call.name = "matmul";
  call.dtype = dtypeOf(out.getElementType());
  call.ints = {batch, m, n, k, tl, tr, m * k, rhs.getRank() == 2 ? 0 : k * n, m * n};
  call.floats = {1.0, 0.0};
  return call;
}

} // namespace of
