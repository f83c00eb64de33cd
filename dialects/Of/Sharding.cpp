// Signatures from rules, and the distribution verifier.
#include "dialects/Of/Of.h"

#include "mlir/IR/AffineMap.h"

using namespace mlir;

namespace of {

SmallVector<Signature> signaturesOf(Operation *op) {
  SmallVector<Signature> out;
  unsigned numOperands = op->getNumOperands(), numResults = op->getNumResults();
  Signature broadcast;
  broadcast.operands.assign(numOperands, Sbp::broadcast());
  broadcast.results.assign(numResults, Sbp::broadcast());
  out.push_back(broadcast);
  auto sharding = dyn_cast<ShardingOpInterface>(op);
  if (!sharding)
    return out;
  ShardingRule rule = sharding.getShardingRule();
  for (auto [index, factor] : llvm::enumerate(rule.factors)) {
    Signature s = broadcast;
    s.evenOnly = factor.evenOnly;
    s.factor = index;
    for (unsigned i = 0; i < numOperands; ++i)
      if (factor.operandDims[i] >= 0)
        s.operands[i] = Sbp::split(factor.operandDims[i]);
    for (unsigned i = 0; i < numResults; ++i)
      if (factor.resultDims[i] >= 0)
        s.results[i] = Sbp::split(factor.resultDims[i]);
      else if (factor.reduction != SbpKind::Broadcast)
        s.results[i] = {factor.reduction, 0};
    out.push_back(s);
  }
  llvm::append_range(out, rule.extra);
  return out;
}

AffineMap broadcastMap(Type operand, Type result) {
  auto from = cast<RankedTensorType>(operand), to = cast<RankedTensorType>(result);
  MLIRContext *context = operand.getContext();
  SmallVector<AffineExpr> exprs;
  int64_t lead = to.getRank() - from.getRank();
  for (int64_t i = 0; i < from.getRank(); ++i) {
    bool stretched = from.getDimSize(i) == 1 && to.getDimSize(lead + i) != 1;
    exprs.push_back(stretched ? getAffineConstantExpr(0, context)
                              : getAffineDimExpr(lead + i, context));
  }
  return AffineMap::get(to.getRank(), 0, exprs, context);
}

ShardingRule pointwiseRule(Operation *op) {
  auto pointwise = cast<PointwiseOpInterface>(op);
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  ShardingRule rule;
  SmallVector<AffineMap> maps;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    maps.push_back(pointwise.getOperandMap(i));
  for (int64_t dim = 0; dim < result.getRank(); ++dim) {
    Factor factor;
    factor.size = result.getDimSize(dim);
    factor.resultDims = {static_cast<int>(dim)};
    bool shardable = true;
    for (AffineMap map : maps) {
      int at = -1;
      for (auto [i, expr] : llvm::enumerate(map.getResults())) {
        if (expr == getAffineDimExpr(dim, op->getContext()))
          at = i;
        else if (expr.isFunctionOfDim(dim))
          shardable =
              false; // strided or shifted access: a split of the result is no split of the operand
      }
      factor.operandDims.push_back(at);
    }
    if (shardable)
      rule.factors.push_back(factor);
  }
  for (const SmallVector<unsigned> &set : pointwise.getLinearOperandSets()) {
    Signature s;
    s.operands.assign(op->getNumOperands(), Sbp::broadcast());
    for (unsigned i : set)
      s.operands[i] = Sbp::partialSum();
    s.results = {Sbp::partialSum()};
    rule.extra.push_back(s);
  }
  return rule;
}

ShardingRule reductionRule(Operation *op) {
  auto reduction = cast<ReductionOpInterface>(op);
  auto input = cast<RankedTensorType>(op->getOperand(0).getType());
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<int64_t> dims = reduction.getReducedDims();
  bool keep = result.getRank() == input.getRank();
  ShardingRule rule;
  int next = 0;
  for (int64_t dim = 0; dim < input.getRank(); ++dim) {
    bool reduced = llvm::is_contained(dims, dim);
    Factor factor;
    factor.size = input.getDimSize(dim);
    factor.operandDims = {static_cast<int>(dim)};
    factor.resultDims = {reduced ? -1 : next};
    if (reduced)
      factor.reduction = reduction.getCombiner();
    if (!reduced || keep)
      ++next;
    rule.factors.push_back(factor);
  }
  // A reduction of partial values of its own kind is partial.
  Signature through;
  through.operands = {{reduction.getCombiner(), 0}};
  through.results = {{reduction.getCombiner(), 0}};
  rule.extra.push_back(through);
  return rule;
}

// Does the signature hold on this axis for the types of the op? Even splits are checked against the
// mesh by the caller.
static bool matches(const Signature &s, Operation *op, unsigned axis) {
  for (auto [value, sbp] : llvm::zip(op->getOperands(), s.operands))
    if (distOf(value).getSbp()[axis] != sbp)
      return false;
  for (auto [value, sbp] : llvm::zip(op->getResults(), s.results))
    if (distOf(value).getSbp()[axis] != sbp)
      return false;
  return true;
}

static bool hasEvenSplit(Operation *op, const Signature &s, MeshAttr mesh, ShardingRule &rule) {
  if (!s.evenOnly)
    return true;
  // All axes that split this factor together must divide it.
  const Factor &factor = rule.factors[s.factor];
  int64_t parts = 1;
  for (unsigned axis = 0; axis < mesh.numAxes(); ++axis)
    for (auto [value, dim] : llvm::zip(op->getOperands(), factor.operandDims))
      if (dim >= 0 && distOf(value).getSbp()[axis] == Sbp::split(dim)) {
        parts *= mesh.getShape()[axis];
        break;
      }
  return factor.size % parts == 0;
}

LogicalResult verifyDistribution(Operation *op) {
  auto values = llvm::to_vector(llvm::concat<Value>(op->getOperands(), op->getResults()));
  unsigned distributed = llvm::count_if(values, [](Value v) { return bool(distOf(v)); });
  if (distributed == 0)
    return success();
  if (distributed != values.size())
    return op->emitOpError(
        "mixes distributed and plain tensors; every operand and result needs an #of.dist encoding");
  MeshAttr mesh = distOf(values.front()).getMesh();
  for (Value v : values)
    if (distOf(v).getMesh() != mesh)
      return op->emitOpError() << "has values on mesh '" << mesh.getName() << "' and on mesh '"
                               << distOf(v).getMesh().getName()
                               << "'; only of.boxing moves between meshes";
  SmallVector<Signature> signatures = signaturesOf(op);
  ShardingRule rule;
  if (auto sharding = dyn_cast<ShardingOpInterface>(op))
    rule = sharding.getShardingRule();
  for (unsigned axis = 0; axis < mesh.numAxes(); ++axis) {
    bool ok = llvm::any_of(signatures, [&](const Signature &s) {
      return matches(s, op, axis) && hasEvenSplit(op, s, mesh, rule);
    });
    if (ok)
      continue;
    InFlightDiagnostic diag = op->emitOpError() << "does not accept (";
    llvm::interleaveComma(op->getOperands(), diag,
                          [&](Value v) { diag << toString(distOf(v).getSbp()[axis]); });
    diag << ") -> (";
    llvm::interleaveComma(op->getResults(), diag,
                          [&](Value v) { diag << toString(distOf(v).getSbp()[axis]); });
    diag << ") on mesh axis '" << mesh.getAxes()[axis].getValue() << "' of size "
         << mesh.getShape()[axis] << "; it accepts:";
    for (const Signature &s : signatures)
      diag << " " << toString(NdSbp(s.operands.begin(), s.operands.end())) << "->"
           << toString(NdSbp(s.results.begin(), s.results.end()))
           << (s.evenOnly ? " (even splits)" : "");
    return diag;
  }
  return success();
}

} // namespace of
