// Matrix products and determinants.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

using namespace mlir;

namespace of::onnx {

// ---- Products
// ------------------------------------------------------------------------------------

// The matrix under a transpose of its last two dims, which the product can do itself.
static Value beforeTranspose(Value x, bool &flips) {
  auto op = x ? x.getDefiningOp<TransposeOp>() : TransposeOp();
  if (!op)
    return x;
  ArrayRef<int64_t> order = op.getPermutation();
  int64_t rank = order.size();
  for (int64_t dim = 0; dim < rank; ++dim) {
    int64_t swapped = dim < rank - 2 ? dim : dim == rank - 1 ? rank - 2 : rank - 1;
    if (order[dim] != swapped)
      return x;
  }
  flips = !flips;
  return op.getInput();
}

static Value product(NodeContext &n, Value x, Value y, bool flipX, bool flipY) {
  // A batched lhs times one matrix cannot be flipped.
  if (x && y && (n.rank(x) == 2 || n.rank(y) != 2))
    x = beforeTranspose(x, flipX);
  y = beforeTranspose(y, flipY);
  SmallVector<NamedAttribute> attributes;
  if (flipX)
    attributes.push_back(n.flag("transpose_lhs"));
  if (flipY)
    attributes.push_back(n.flag("transpose_rhs"));
  return n.make<MatmulOp>({x, y}, attributes);
}

// Dims before the last two, broadcast as numpy does.
static std::optional<Ints> commonBatch(NodeContext &n, Value x, Value y) {
  int64_t rank = std::max(n.rank(x), n.rank(y)) - 2;
  Ints out(rank, 1);
  for (Value v : {x, y})
    for (int64_t i = 0; i < n.rank(v) - 2; ++i) {
      int64_t &dim = out[rank - (n.rank(v) - 2) + i];
      if (dim != 1 && n.shape(v)[i] != 1 && dim != n.shape(v)[i])
        return n.fail("multiplies batches of different shapes"), std::nullopt;
      dim = dim == 1 ? n.shape(v)[i] : dim;
    }
  return out;
}

static Value withBatch(NodeContext &n, Value v, ArrayRef<int64_t> batch) {
  Ints shape(batch);
  llvm::append_range(shape, n.shape(v).take_back(2));
  return n.broadcast(v, shape);
}

Value matrixProduct(NodeContext &n, Value x, Value y) {
  if (!x || !y || !n.rank(x) || !n.rank(y))
    return n.fail("multiplies scalars");
  bool isRow = n.rank(x) == 1, isColumn = n.rank(y) == 1;
  x = isRow ? n.reshape(x, {1, n.shape(x)[0]}) : x;
  y = isColumn ? n.reshape(y, {n.shape(y)[0], 1}) : y;
  if (!x || !y)
    return {};
  if (n.rank(y) != 2) {
    std::optional<Ints> batch = commonBatch(n, x, y);
    if (!batch)
      return {};
    x = withBatch(n, x, *batch);
    y = withBatch(n, y, *batch);
  }
  Value out = product(n, x, y, false, false);
  if (!out)
    return {};
  Ints shape(n.shape(out));
  if (isColumn)
    shape.pop_back();
  if (isRow)
    shape.erase(shape.end() - (isColumn ? 1 : 2));
  return n.reshape(out, shape);
}

static void matmul(NodeContext &n) {
  Value x = n.in(0), y = n.in(1);
  if (y && isMadeUp(n.node.inputs[1]) && y.getDefiningOp<ParameterOp>())
    if (n.import.hints.renamed++ == 0)
      n.import.hints.firstRenamed = n.node.inputs[1].str();
  n.set(0, matrixProduct(n, x, y));
}

static void gemm(NodeContext &n) {
  Value x = n.in(0), y = n.in(1);
  if (!x || !y || n.rank(x) != 2 || n.rank(y) != 2)
    return (void)n.fail("needs two matrices");
  Value out = product(n, x, y, n.integer("transA", 0), n.integer("transB", 0));
  double alpha = n.number("alpha", 1), beta = n.number("beta", 1);
  out = alpha == 1 ? out : n.mul(out, alpha);
  if (n.has(2) && beta != 0) {
    Value added = n.in(2);
    out = n.add(out, beta == 1 ? added : n.mul(added, beta));
  }
  n.set(0, out);
}

// ---- Determinants
// --------------------------------------------------------------------------------

// Without a division, by Laplace's expansion: minors of the first rows for each set of columns.
static constexpr int64_t kMostRows = 6;

static void det(NodeContext &n) {
  Value x = n.in(0);
  const int64_t rank = x ? n.rank(x) : 0, rows = rank < 2 ? 0 : n.shape(x)[rank - 1];
  if (rank < 2 || n.shape(x)[rank - 2] != rows || rows < 1 || rows > kMostRows)
    return (void)n.fail("needs square matrices of 1 to " + Twine(kMostRows) + " rows");
  const Ints batch(n.shape(x).drop_back(2));
  auto at = [&](int64_t row, int64_t column) {
    return n.reshape(n.sliceDim(n.sliceDim(x, rank - 2, row, 1), rank - 1, column, 1), batch);
  };
  SmallVector<Value> minors(int64_t(1) << rows);
  for (uint32_t columns = 1; columns < minors.size(); ++columns) {
    const int64_t row = llvm::popcount(columns) - 1;
    bool isMinus = row % 2; // of the first of its columns
    for (int64_t column = 0; column < rows; ++column) {
      if (!(columns >> column & 1))
        continue;
      Value term = at(row, column), &sum = minors[columns];
      if (row > 0)
        term = n.mul(term, minors[columns ^ (1u << column)]);
      sum = !sum      ? (isMinus ? n.mul(term, -1.0) : term)
            : isMinus ? n.sub(sum, term)
                      : n.add(sum, term);
      isMinus = !isMinus;
    }
  }
  n.set(0, minors.back());
}

llvm::ArrayRef<OpEntry> productOps() {
  static constexpr OpEntry table[] = {
      {"Det", 11, det},
      {"Gemm", 7, gemm},
      {"MatMul", 1, matmul},
  };
  return table;
}

} // namespace of::onnx
