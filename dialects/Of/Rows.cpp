// Embedding and its gradient: the routines gather_rows and scatter_add_rows.
#include "dialects/Of/Build.h"

using namespace mlir;

namespace of {

static LogicalResult checkIndices(std::optional<Location> loc, StringRef op, Value indices) {
  Type element = tensorType(indices).getElementType();
  if (element.isSignlessInteger(32) || element.isSignlessInteger(64))
    return success();
  return emitOptionalError(loc, op, ": indices are i32 or i64, not ", element);
}

LogicalResult EmbeddingOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor a,
                                            SmallVectorImpl<Type> &types) {
  auto table = tensorType(a.getTable());
  if (table.getRank() < 1)
    return emitOptionalError(loc, getOperationName(), ": a table has rows, got ", table);
  if (failed(checkIndices(loc, getOperationName(), a.getIndices())))
    return failure();
  SmallVector<int64_t> shape(tensorType(a.getIndices()).getShape());
  llvm::append_range(shape, table.getShape().drop_front());
  types.push_back(RankedTensorType::get(shape, table.getElementType()));
  return success();
}

LogicalResult EmbeddingBackwardOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                                    Adaptor a, SmallVectorImpl<Type> &types) {
  auto indices = tensorType(a.getIndices()), grad = tensorType(a.getGrad());
  if (failed(checkIndices(loc, getOperationName(), a.getIndices())))
    return failure();
  if (grad.getRank() < indices.getRank() ||
      grad.getShape().take_front(indices.getRank()) != indices.getShape())
    return emitOptionalError(loc, getOperationName(), ": gradients ", grad,
                             " do not start with the dims of the indices ", indices);
  SmallVector<int64_t> shape{static_cast<int64_t>(a.getRows())};
  llvm::append_range(shape, grad.getShape().drop_front(indices.getRank()));
  types.push_back(RankedTensorType::get(shape, grad.getElementType()));
  return success();
}

// Dims of (table, indices, rows picked): each index dim, the table's rows, each column dim. `pick`
// orders them as (operand 0, operand 1, result).
static ShardingRule rowsRule(RankedTensorType table, RankedTensorType indices,
                             function_ref<std::array<int, 3>(int, int, int)> pick) {
  ShardingRule rule;
  auto add = [&](int64_t size, int inTable, int inIndices, int inPicked) {
    std::array<int, 3> at = pick(inTable, inIndices, inPicked);
    Factor f;
    f.size = size;
    f.operandDims = {at[0], at[1]};
    f.resultDims = {at[2]};
    if (at[2] < 0)
      f.reduction = SbpKind::PartialSum;
    rule.factors.push_back(f);
  };
  int rank = indices.getRank();
  for (int dim = 0; dim < rank; ++dim)
    add(indices.getDimSize(dim), -1, dim, dim);
  add(table.getDimSize(0), 0, -1, -1);
  for (int dim = 1; dim < table.getRank(); ++dim)
    add(table.getDimSize(dim), dim, -1, rank + dim - 1);
  return rule;
}

ShardingRule EmbeddingOp::getShardingRule() {
  ShardingRule rule = rowsRule(tensorType(getTable()), tensorType(getIndices()),
                               [](int table, int indices, int picked) {
                                 return std::array<int, 3>{table, indices, picked};
                               });
  rule.extra.push_back({{Sbp::partialSum(), Sbp::broadcast()}, {Sbp::partialSum()}});
  return rule;
}
ShardingRule EmbeddingBackwardOp::getShardingRule() {
  ShardingRule rule = rowsRule(tensorType(getResult()), tensorType(getIndices()),
                               [](int table, int indices, int picked) {
                                 return std::array<int, 3>{indices, picked, table};
                               });
  rule.extra.push_back({{Sbp::broadcast(), Sbp::partialSum()}, {Sbp::partialSum()}});
  return rule;
}

LogicalResult EmbeddingOp::buildGradient(OpBuilder &b, ValueRange grads,
                                         SmallVectorImpl<Value> &out) {
  out[0] = EmbeddingBackwardOp::create(b, getLoc(), getIndices(), grads[0],
                                       tensorType(getTable()).getDimSize(0));
  return success();
}
LogicalResult EmbeddingBackwardOp::buildGradient(OpBuilder &b, ValueRange grads,
                                                 SmallVectorImpl<Value> &out) {
  out[1] = EmbeddingOp::create(b, getLoc(), grads[0], getIndices());
  return success();
}

// `offset`: the value whose first row the routine is told, see LibraryCall.
static LibraryCall rowsCall(StringRef name, RankedTensorType table, RankedTensorType indices,
                            unsigned offset) {
  LibraryCall call;
  call.name = name.str();
  call.dtype = dtypeOf(table.getElementType());
  int64_t columns = 1;
  for (int64_t size : table.getShape().drop_front())
    columns *= size;
  call.ints = {table.getDimSize(0), columns, indices.getNumElements(),
               static_cast<int64_t>(dtypeOf(indices.getElementType()))};
  call.offsets = {{offset, 0}};
  return call;
}

using Types = ArrayRef<RankedTensorType>;

LibraryCall EmbeddingOp::getLibraryCall(Types in, Types out) {
  return rowsCall("gather_rows", in[0], in[1], 0);
}
LibraryCall EmbeddingBackwardOp::getLibraryCall(Types in, Types out) {
  return rowsCall("scatter_add_rows", out[0], in[0], 2);
}
// Nothing is computed in the first; the second adds each gradient once.
double EmbeddingOp::getFlops(Types, Types) { return 0; }
double EmbeddingBackwardOp::getFlops(Types in, Types) { return in[1].getNumElements(); }
// Of the table only the rows that are picked; of its gradient all, which is cleared first.
double EmbeddingOp::getBytes(Types in, Types out) {
  return double(tensorBytes(in[1])) + 2 * double(tensorBytes(out[0]));
}
double EmbeddingBackwardOp::getBytes(Types in, Types out) {
  return double(tensorBytes(in[0])) + 3 * double(tensorBytes(in[1])) + double(tensorBytes(out[0]));
}

} // namespace of
