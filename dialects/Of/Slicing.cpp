// Slices are pointwise reads at other indices; padding and concatenation write into parts of their
// result.
#include "dialects/Of/Build.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace of {

// One factor for each dim for which `isWhole` holds; all values carry it there.
static ShardingRule untouchedDims(Operation *op, function_ref<bool(unsigned)> isWhole,
                                  bool isLinear) {
  auto type = tensorType(op->getResult(0));
  ShardingRule rule;
  for (unsigned dim = 0; dim < type.getRank(); ++dim) {
    if (!isWhole(dim))
      continue;
    Factor f;
    f.size = type.getDimSize(dim);
    f.operandDims.assign(op->getNumOperands(), dim);
    f.resultDims = {static_cast<int>(dim)};
    rule.factors.push_back(f);
  }
  if (isLinear)
    rule.extra.push_back(
        {SmallVector<Sbp>(op->getNumOperands(), Sbp::partialSum()), {Sbp::partialSum()}});
  return rule;
}

static LogicalResult checkEntries(std::optional<Location> loc, StringRef op, RankedTensorType type,
                                  ArrayRef<ArrayRef<int64_t>> lists) {
  for (ArrayRef<int64_t> list : lists)
    if (static_cast<int64_t>(list.size()) != type.getRank())
      return emitOptionalError(loc, op, ": has ", list.size(), " entries for the ", type.getRank(),
                               " dims of ", type);
  return success();
}

// ---- slice -------------------------------------------------------------------------------------

// Elements from `start` on in the direction of the step.
static int64_t elementsFrom(int64_t start, int64_t step, int64_t dim) {
  return step > 0 ? (dim - start + step - 1) / step : start / -step + 1;
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor a,
                                        SmallVectorImpl<Type> &types) {
  auto input = tensorType(a.getInput());
  ArrayRef<int64_t> starts = a.getStarts(), sizes = a.getSizes(), steps = a.getSteps();
  if (failed(checkEntries(loc, getOperationName(), input, {starts, sizes, steps})))
    return failure();
  SmallVector<int64_t> shape;
  for (auto [i, dim] : llvm::enumerate(input.getShape())) {
    int64_t start = starts[i], size = sizes[i], step = steps[i];
    if (step == 0)
      return emitOptionalError(loc, getOperationName(), ": the step of dim ", i, " is 0");
    if (ShapedType::isDynamic(dim)) {
      shape.push_back(size == -1 ? dim : size);
      continue;
    }
    if (size == -1)
      size = start < 0 || start >= dim ? 0 : elementsFrom(start, step, dim);
    int64_t last = start + (size - 1) * step;
    if (size < 0 || (size > 0 && (start < 0 || start >= dim || last < 0 || last >= dim)))
      return emitOptionalError(loc, getOperationName(), ": takes elements ", start, " to ", last,
                               " of dim ", i, ", which has ", dim);
    shape.push_back(size);
  }
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  return success();
}

AffineMap SliceOp::getOperandMap(unsigned) {
  SmallVector<AffineExpr> exprs;
  for (auto [i, start] : llvm::enumerate(getStarts()))
    exprs.push_back(getAffineDimExpr(i, getContext()) * getSteps()[i] + start);
  return AffineMap::get(exprs.size(), 0, exprs, getContext());
}
Value SliceOp::buildScalar(OpBuilder &, ValueRange operands, PointContext &) { return operands[0]; }
SmallVector<SmallVector<unsigned>> SliceOp::getLinearOperandSets() { return {{0}}; }

ShardingRule SliceOp::getShardingRule() {
  auto input = tensorType(getInput()), result = tensorType(getResult());
  auto isWhole = [&](unsigned dim) {
    return getStarts()[dim] == 0 && getSteps()[dim] == 1 &&
           input.getDimSize(dim) == result.getDimSize(dim);
  };
  return untouchedDims(*this, isWhole, /*isLinear=*/true);
}

LogicalResult SliceOp::buildGradient(OpBuilder &b, ValueRange grads, SmallVectorImpl<Value> &out) {
  auto input = tensorType(getInput()), result = tensorType(getResult());
  SmallVector<int64_t> low, high, interior, reverseStart, reverseStep;
  for (int64_t i = 0; i < input.getRank(); ++i) {
    int64_t start = getStarts()[i], step = getSteps()[i], size = result.getDimSize(i);
    bool backwards = step < 0;
    reverseStart.push_back(backwards && size ? size - 1 : 0);
    reverseStep.push_back(backwards ? -1 : 1);
    int64_t first = backwards ? start + (size - 1) * step : start;
    step = std::abs(step);
    low.push_back(size ? first : 0);
    high.push_back(size ? input.getDimSize(i) - first - (size - 1) * step - 1
                        : input.getDimSize(i));
    interior.push_back(step - 1);
  }
  Value g = grads[0];
  if (llvm::is_contained(reverseStep, -1))
    g = SliceOp::create(b, getLoc(), g, reverseStart, result.getShape(), reverseStep);
  out[0] = PadOp::create(b, getLoc(), g, low, high, interior, APFloat(0.0));
  return success();
}

// ---- pad ---------------------------------------------------------------------------------------

LogicalResult PadOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor a,
                                      SmallVectorImpl<Type> &types) {
  auto input = tensorType(a.getInput());
  ArrayRef<int64_t> low = a.getLow(), high = a.getHigh(), interior = a.getInterior();
  if (failed(checkEntries(loc, getOperationName(), input, {low, high, interior})))
    return failure();
  for (ArrayRef<int64_t> list : {low, high, interior})
    if (llvm::any_of(list, [](int64_t v) { return v < 0; }))
      return emitOptionalError(loc, getOperationName(),
                               ": padding is not negative; of.slice takes elements away");
  SmallVector<int64_t> shape;
  for (auto [i, dim] : llvm::enumerate(input.getShape())) {
    if (ShapedType::isDynamic(dim))
      shape.push_back(dim);
    else
      shape.push_back(low[i] + dim + std::max<int64_t>(dim - 1, 0) * interior[i] + high[i]);
  }
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  return success();
}

ShardingRule PadOp::getShardingRule() {
  auto isWhole = [&](unsigned dim) {
    return getLow()[dim] == 0 && getHigh()[dim] == 0 && getInterior()[dim] == 0;
  };
  return untouchedDims(*this, isWhole, getValue().isZero());
}

LogicalResult PadOp::buildGradient(OpBuilder &b, ValueRange grads, SmallVectorImpl<Value> &out) {
  SmallVector<int64_t> steps;
  for (int64_t between : getInterior())
    steps.push_back(between + 1);
  out[0] =
      SliceOp::create(b, getLoc(), grads[0], getLow(), tensorType(getInput()).getShape(), steps);
  return success();
}

// Writes `from` over a part of `into`, element by element: copies between buffers of different
// strides would need a routine of the C library.
static Value insert(OpBuilder &b, Location loc, Value from, Value into, ArrayRef<int64_t> starts,
                    ArrayRef<int64_t> steps, SmallVector<Value> read = {},
                    SmallVector<Value> write = {}) {
  unsigned dim = read.size();
  if (dim == starts.size())
    return tensor::InsertOp::create(b, loc, tensor::ExtractOp::create(b, loc, from, read), into,
                                    write);
  auto index = [&](int64_t v) { return arith::ConstantIndexOp::create(b, loc, v); };
  auto loop = scf::ForOp::create(b, loc, index(0), index(tensorType(from).getDimSize(dim)),
                                 index(1), ValueRange{into});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(loop.getBody());
  read.push_back(loop.getInductionVar());
  Value scaled = arith::MulIOp::create(b, loc, read.back(), index(steps[dim]));
  write.push_back(arith::AddIOp::create(b, loc, scaled, index(starts[dim])));
  Value written = insert(b, loc, from, loop.getRegionIterArg(0), starts, steps, read, write);
  scf::YieldOp::create(b, loc, written);
  return loop.getResult(0);
}

LogicalResult PadOp::buildKernel(OpBuilder &b, ValueRange operands,
                                 ArrayRef<RankedTensorType> types, PointContext &,
                                 SmallVectorImpl<Value> &results) {
  Type element = types[0].getElementType();
  double value = getValue().convertToDouble();
  TypedAttr attr = isa<FloatType>(element)
                       ? TypedAttr(b.getFloatAttr(element, value))
                       : TypedAttr(b.getIntegerAttr(element, static_cast<int64_t>(value)));
  Value scalar = arith::ConstantOp::create(b, getLoc(), attr);
  Value empty = tensor::EmptyOp::create(b, getLoc(), types[0].getShape(), element);
  Value filled = linalg::FillOp::create(b, getLoc(), scalar, empty).getResult(0);
  SmallVector<int64_t> steps;
  for (int64_t between : getInterior())
    steps.push_back(between + 1);
  results.push_back(insert(b, getLoc(), operands[0], filled, getLow(), steps));
  return success();
}

// ---- concat ------------------------------------------------------------------------------------

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor a,
                                         SmallVectorImpl<Type> &types) {
  StringRef op = getOperationName();
  if (a.getInputs().empty())
    return emitOptionalError(loc, op, ": needs at least one tensor");
  auto first = tensorType(a.getInputs()[0]);
  int64_t dim = a.getDim();
  if (dim < 0 || dim >= first.getRank())
    return emitOptionalError(loc, op, ": dim ", dim, " is out of range for ", first);
  SmallVector<int64_t> shape(first.getShape());
  shape[dim] = 0;
  for (Value input : a.getInputs()) {
    auto type = tensorType(input);
    bool fits =
        type.getRank() == first.getRank() && type.getElementType() == first.getElementType();
    for (int64_t i = 0; fits && i < type.getRank(); ++i)
      fits = i == dim || type.getDimSize(i) == first.getDimSize(i);
    if (!fits)
      return emitOptionalError(loc, op, ": ", type, " differs from ", first,
                               " in more than its dim ", dim);
    if (type.isDynamicDim(dim))
      return emitOptionalError(loc, op, ": the size of dim ", dim, " of ", type, " is not known");
    shape[dim] += type.getDimSize(dim);
  }
  types.push_back(RankedTensorType::get(shape, first.getElementType()));
  return success();
}

ShardingRule ConcatOp::getShardingRule() {
  return untouchedDims(
      *this, [&](unsigned dim) { return dim != getDim(); }, /*isLinear=*/true);
}

LogicalResult ConcatOp::buildGradient(OpBuilder &b, ValueRange grads, SmallVectorImpl<Value> &out) {
  SmallVector<int64_t> starts(tensorType(getResult()).getRank(), 0);
  SmallVector<int64_t> steps(starts.size(), 1);
  for (auto [i, input] : llvm::enumerate(getInputs())) {
    auto type = tensorType(input);
    if (isa<FloatType>(type.getElementType()))
      out[i] = SliceOp::create(b, getLoc(), grads[0], starts, type.getShape(), steps);
    starts[getDim()] += type.getDimSize(getDim());
  }
  return success();
}

LogicalResult ConcatOp::buildKernel(OpBuilder &b, ValueRange operands,
                                    ArrayRef<RankedTensorType> types, PointContext &,
                                    SmallVectorImpl<Value> &results) {
  Value into = tensor::EmptyOp::create(b, getLoc(), types[0].getShape(), types[0].getElementType());
  SmallVector<int64_t> starts(types[0].getRank(), 0), steps(types[0].getRank(), 1);
  for (Value operand : operands) {
    into = insert(b, getLoc(), operand, into, starts, steps);
    starts[getDim()] += tensorType(operand).getDimSize(getDim());
  }
  results.push_back(into);
  return success();
}

} // namespace of
