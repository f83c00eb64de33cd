// Values that are known now: shape arithmetic, mostly.
//
//   before   %s = arith.constant dense<[8, 16]>  %p = of.slice %s {starts = [1], ...}  %q = of.mul
//   %p, %four after    %q = arith.constant dense<64>
//
// An op's own scalar meaning is asked for each element, so nothing is defined a second time.
#include "lib/Import/Onnx/Import.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace of::onnx {

static constexpr int64_t kMostElements = 4096;

namespace {

/// Evaluates the scalar meaning of a pointwise op.
class Scalars : public PointContext {
public:
  explicit Scalars(PointwiseOpInterface op) : op(op) {}

  /// Null if something does not fold.
  Attribute at(ArrayRef<int64_t> index, ArrayRef<Attribute> operands) {
    point.assign(index.begin(), index.end());
    Block block;
    OpBuilder b(op.getContext());
    b.setInsertionPointToEnd(&block);
    SmallVector<Value> values;
    for (Attribute operand : operands)
      values.push_back(arith::ConstantOp::create(b, op->getLoc(), cast<TypedAttr>(operand)));
    Value result = op.buildScalar(b, values, *this);
    llvm::DenseMap<Value, Attribute> known;
    for (Operation &scalar : block)
      if (!fold(scalar, known))
        return {};
    return known.lookup(result);
  }

  Value globalIndex(OpBuilder &b, unsigned dim) override {
    return arith::ConstantIndexOp::create(b, op->getLoc(), point[dim]);
  }
  Value operandOffset(OpBuilder &b, unsigned, unsigned) override {
    return arith::ConstantIndexOp::create(b, op->getLoc(), 0);
  }
  Value microIndex(OpBuilder &b) override {
    return arith::ConstantIndexOp::create(b, op->getLoc(), 0);
  }
  ArrayRef<int64_t> logicalShape() const override {
    return cast<RankedTensorType>(op->getResult(0).getType()).getShape();
  }

private:
  static bool fold(Operation &scalar, llvm::DenseMap<Value, Attribute> &known) {
    // An op may first put its operands in order.
    for (int tries = 0; tries < 3; ++tries) {
      SmallVector<Attribute> operands;
      for (Value operand : scalar.getOperands())
        operands.push_back(known.lookup(operand));
      SmallVector<OpFoldResult> folded;
      if (failed(scalar.fold(operands, folded)))
        return false;
      if (folded.empty())
        continue;
      for (auto [result, value] : llvm::zip(scalar.getResults(), folded)) {
        Attribute attr = dyn_cast<Attribute>(value);
        known[result] = attr ? attr : known.lookup(cast<Value>(value));
        if (!known[result])
          return false;
      }
      return true;
    }
    return false;
  }

  PointwiseOpInterface op;
  SmallVector<int64_t> point;
};

} // namespace

static DenseElementsAttr elementsOf(Value v) {
  DenseElementsAttr elements;
  matchPattern(v, m_Constant(&elements));
  return elements;
}

// Scalars of arith have no sign in their type.
static Attribute scalarOf(Attribute element) {
  auto integer = dyn_cast<IntegerAttr>(element);
  if (!integer || integer.getType().isSignlessInteger())
    return element;
  return IntegerAttr::get(
      IntegerType::get(integer.getContext(), integer.getType().getIntOrFloatBitWidth()),
      integer.getValue());
}

static Attribute elementOf(Attribute scalar, Type element) {
  auto integer = dyn_cast<IntegerAttr>(scalar);
  return integer ? IntegerAttr::get(element, integer.getValue()) : scalar;
}

static int64_t linear(ArrayRef<int64_t> index, ArrayRef<int64_t> shape) {
  int64_t out = 0;
  for (auto [i, n] : llvm::zip(index, shape))
    out = out * n + i;
  return out;
}

static bool nextIndex(MutableArrayRef<int64_t> index, ArrayRef<int64_t> shape) {
  for (size_t dim = index.size(); dim-- > 0;) {
    if (++index[dim] < shape[dim])
      return true;
    index[dim] = 0;
  }
  return false;
}

static DenseElementsAttr foldPointwise(PointwiseOpInterface op,
                                       ArrayRef<DenseElementsAttr> operands) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  bool isSplat =
      !operands.empty() && llvm::all_of(operands, [](DenseElementsAttr e) { return e.isSplat(); });
  if (type.getNumElements() == 0)
    return DenseElementsAttr::get(type, ArrayRef<Attribute>());
  if (!isSplat && type.getNumElements() > kMostElements)
    return {};
  SmallVector<AffineMap> maps;
  for (unsigned i = 0; i < operands.size(); ++i)
    maps.push_back(op.getOperandMap(i));
  Scalars scalars(op);
  SmallVector<int64_t> index(type.getRank(), 0);
  SmallVector<Attribute> results;
  do {
    SmallVector<Attribute> values;
    for (auto [elements, map] : llvm::zip(operands, maps)) {
      auto shape = cast<RankedTensorType>(elements.getType()).getShape();
      int64_t at = elements.isSplat() ? 0 : linear(map.compose(index), shape);
      values.push_back(scalarOf(elements.isSplat() ? elements.getSplatValue<Attribute>()
                                                   : elements.getValues<Attribute>()[at]));
    }
    Attribute result = scalars.at(index, values);
    if (!result)
      return {};
    results.push_back(elementOf(result, type.getElementType()));
  } while (!isSplat && nextIndex(index, type.getShape()));
  return DenseElementsAttr::get(type, results);
}

static DenseElementsAttr foldReduction(ReductionOpInterface op, DenseElementsAttr operand) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  auto from = cast<RankedTensorType>(operand.getType());
  if (!isa<IntegerType>(type.getElementType()) || from.getNumElements() == 0 ||
      from.getNumElements() > kMostElements)
    return {};
  SmallVector<std::optional<APInt>> folded(type.getNumElements());
  SmallVector<int64_t> dims = op.getReducedDims(), index(from.getRank(), 0);
  do {
    SmallVector<int64_t> kept, shape;
    for (int64_t dim = 0; dim < from.getRank(); ++dim)
      if (!llvm::is_contained(dims, dim)) {
        kept.push_back(index[dim]);
        shape.push_back(from.getDimSize(dim));
      }
    APInt value = operand.getValues<APInt>()[linear(index, from.getShape())];
    std::optional<APInt> &into = folded[linear(kept, shape)];
    if (!into)
      into = value;
    else if (op.getCombiner() == SbpKind::PartialSum)
      *into += value;
    else if (value.sgt(*into) == (op.getCombiner() == SbpKind::PartialMax))
      into = value;
  } while (nextIndex(index, from.getShape()));
  SmallVector<APInt> values;
  for (std::optional<APInt> &value : folded)
    values.push_back(*value);
  return DenseElementsAttr::get(type, values);
}

static DenseElementsAttr foldConcat(Operation *op, ArrayRef<DenseElementsAttr> operands) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  if (type.getRank() != 1 || type.getNumElements() > kMostElements)
    return {};
  SmallVector<Attribute> values;
  for (DenseElementsAttr elements : operands)
    llvm::append_range(values, elements.getValues<Attribute>());
  return DenseElementsAttr::get(type, values);
}

static DenseElementsAttr folded(Operation *op) {
  if (op->getNumResults() != 1)
    return {};
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || !type.hasStaticShape())
    return {};
  if (auto constant = dyn_cast<ConstantOp>(op))
    return DenseElementsAttr::get(type, ArrayRef<Attribute>{constant.getValue()});
  SmallVector<DenseElementsAttr> operands;
  for (Value operand : op->getOperands()) {
    operands.push_back(elementsOf(operand));
    if (!operands.back())
      return {};
  }
  if (operands.empty())
    return {};
  if (isa<ViewOpInterface>(op))
    return operands[0].reshape(type);
  if (auto pointwise = dyn_cast<PointwiseOpInterface>(op))
    return foldPointwise(pointwise, operands);
  if (auto reduction = dyn_cast<ReductionOpInterface>(op))
    return foldReduction(reduction, operands[0]);
  if (isa<ConcatOp>(op))
    return foldConcat(op, operands);
  return {};
}

void foldOps(Block &block, Block::iterator first, SmallVectorImpl<Value> &results) {
  for (Operation &op : llvm::make_early_inc_range(llvm::make_range(first, block.end()))) {
    DenseElementsAttr elements = folded(&op);
    if (!elements)
      continue;
    OpBuilder b(&op);
    Value value = arith::ConstantOp::create(b, op.getLoc(), elements);
    for (Value &result : results)
      if (result == op.getResult(0))
        result = value;
    op.getResult(0).replaceAllUsesWith(value);
    op.erase();
  }
}

} // namespace of::onnx
