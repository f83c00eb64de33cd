// What a fused kernel does at one point of its space: reads, scalar bodies, writes.
#include "lib/Codegen/FusedEmitter.h"

#include "dialects/Of/Build.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace of {

namespace {
/// A flat index as a sum of loop indices times strides.
struct LinearIndex {
  SmallVector<int64_t> strides;
  int64_t constant = 0;
};

} // namespace

/// Adds `factor * expr`; false if the expression is not linear.
static bool addLinear(AffineExpr expr, int64_t factor, LinearIndex &out) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return out.constant += factor * constant.getValue(), true;
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return out.strides[dim.getPosition()] += factor, true;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  if (binary.getKind() == AffineExprKind::Add)
    return addLinear(binary.getLHS(), factor, out) && addLinear(binary.getRHS(), factor, out);
  auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() == AffineExprKind::Mul && constant)
    return addLinear(binary.getLHS(), factor * constant.getValue(), out);
  return false;
}

/// What an op sees of the point it is computed at.
class FusedPoint : public PointContext {
public:
  FusedPoint(FusedEmitter &emitter, Operation *original, AffineMap map)
      : emitter(emitter), original(original), map(map), type(tensorType(original->getResult(0))) {}

  Value globalIndex(OpBuilder &b, unsigned dim) override {
    Value local = emitter.expand(map.getResult(dim));
    return toIndex(plusOffset(local, type, dim));
  }
  Value operandOffset(OpBuilder &b, unsigned operand, unsigned dim) override {
    return toIndex(plusOffset(emitter.constant(0), original->getOperand(operand).getType(), dim));
  }
  Value microIndex(OpBuilder &b) override { return toIndex(emitter.scalar({})); }
  ArrayRef<int64_t> logicalShape() const override { return type.getShape(); }
  Value number(OpBuilder &, Location, int64_t value) override {
    return emitter.number(original, value);
  }

private:
  Value plusOffset(Value index, Type logical, unsigned dim) {
    std::optional<KernelScalar> offset = offsetOf(logical, dim);
    return offset ? emitter.add(index, emitter.scalar(*offset)) : index;
  }
  Value toIndex(Value v) {
    return arith::IndexCastOp::create(emitter.b, emitter.loc, emitter.b.getIndexType(), v);
  }
  FusedEmitter &emitter;
  Operation *original;
  AffineMap map;
  RankedTensorType type;
};

Value FusedEmitter::evaluate(Value value, AffineMap map) {
  if (auto found = memo.find({value, map}); found != memo.end())
    return found->second;
  Value out;
  if (auto argument = dyn_cast<BlockArgument>(value))
    out = load(argument.getArgNumber(), tensorType(value).getElementType(), flatIndex(value, map));
  else
    out = evaluateOp(value.getDefiningOp(), map);
  return memo[{value, map}] = out;
}

Value FusedEmitter::evaluateOp(Operation *op, AffineMap map) {
  if (isRealReduction(op))
    return foldedValue(op);
  if (AffineMap view = unitViewMap(op))
    return evaluate(op->getOperand(0), simplifyAffineMap(view.compose(map)));
  auto pointwise = cast<PointwiseOpInterface>(op);
  SmallVector<Value> operands;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    operands.push_back(
        evaluate(op->getOperand(i), simplifyAffineMap(pointwise.getOperandMap(i).compose(map))));
  FusedPoint point(*this, kernel.original(op), map);
  return pointwise.buildScalar(b, operands, point);
}

Value FusedEmitter::foldedValue(Operation *op) {
  if (foldInside)
    return folds.lookup(op);
  for (const Anchor &anchor : space.anchors)
    if (anchor.reduction == op)
      return fromAccumulator(
          anchor, LLVM::LoadOp::create(b, loc, accumulatorType(anchor), accumulatorAt(anchor)));
  return {};
}

Value FusedEmitter::accumulatorAt(const Anchor &anchor) {
  Value at =
      arith::SubIOp::create(b, loc, ivs[blockGroup], blockBegin, arith::IntegerOverflowFlags::nsw);
  return LLVM::GEPOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()),
                             accumulatorType(anchor), accumulators.lookup(anchor.reduction),
                             ArrayRef<LLVM::GEPArg>{at}, LLVM::GEPNoWrapFlags::inbounds);
}

Value FusedEmitter::load(unsigned buffer, Type element, Value flat) {
  Type stored = storageType(element);
  Value at = LLVM::GEPOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()), stored,
                                 buffers[buffer], ArrayRef<LLVM::GEPArg>{flat},
                                 LLVM::GEPNoWrapFlags::inbounds);
  Value value = LLVM::LoadOp::create(b, loc, stored, at);
  if (!element.isInteger(1))
    return value;
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, value,
                               arith::ConstantOp::create(b, loc, b.getZeroAttr(stored)));
}

void FusedEmitter::store(unsigned buffer, Value value, Value flat) {
  Type stored = storageType(value.getType());
  if (value.getType().isInteger(1))
    value = arith::ExtUIOp::create(b, loc, stored, value);
  Value at = LLVM::GEPOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()), stored,
                                 buffers[buffer], ArrayRef<LLVM::GEPArg>{flat},
                                 LLVM::GEPNoWrapFlags::inbounds);
  LLVM::StoreOp::create(b, loc, value, at);
}

Value FusedEmitter::flatIndex(Value value, AffineMap map) {
  ArrayRef<int64_t> shape = tensorType(value).getShape();
  AffineExpr flat = getAffineConstantExpr(0, b.getContext());
  for (auto [size, expr] : llvm::zip(shape, map.getResults()))
    flat = flat * size + expr;
  flat = simplifyAffineExpr(flat, map.getNumDims(), 0);
  LinearIndex linear;
  linear.strides.assign(space.extents.size(), 0);
  if (!addLinear(flat, 1, linear))
    return expand(flat);
  accesses.strides.push_back(linear.strides);
  Value out;
  for (auto [i, group] : llvm::enumerate(groups)) {
    int64_t stride = linear.strides[group.last];
    if (stride == 0)
      continue;
    Value term = stride == 1 ? ivs[i] : mul(ivs[i], constant(stride));
    out = out ? add(out, term) : term;
  }
  if (!out)
    return constant(linear.constant);
  return linear.constant ? add(out, constant(linear.constant)) : out;
}

Value FusedEmitter::loopIndex(unsigned loop) {
  accesses.indexed[loop] = true;
  for (auto [i, group] : llvm::enumerate(groups))
    if (group.first <= loop && loop <= group.last) {
      Value index = ivs[i];
      int64_t below = 1;
      for (unsigned d = loop + 1; d <= group.last; ++d)
        below *= space.extents[d];
      if (below != 1)
        index = arith::DivUIOp::create(b, loc, index, constant(below));
      if (loop != group.first)
        index = arith::RemUIOp::create(b, loc, index, constant(space.extents[loop]));
      return index;
    }
  return constant(0);
}

Value FusedEmitter::expand(AffineExpr expr) {
  if (auto c = dyn_cast<AffineConstantExpr>(expr))
    return constant(c.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return loopIndex(dim.getPosition());
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value x = expand(binary.getLHS()), y = expand(binary.getRHS());
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return add(x, y);
  case AffineExprKind::Mul:
    return mul(x, y);
  case AffineExprKind::FloorDiv: // indices are not negative
    return arith::DivUIOp::create(b, loc, x, y);
  case AffineExprKind::CeilDiv:
    return arith::CeilDivUIOp::create(b, loc, x, y);
  default:
    return arith::RemUIOp::create(b, loc, x, y);
  }
}

Value FusedEmitter::scalar(const KernelScalar &s) {
  unsigned index = scalars.indexOf(s);
  Value &value = loadedScalars[index];
  if (!value)
    value = loadScalar(b, body.getArgument(body.getNumArguments() - 3), index);
  return value;
}

// Looked up by op, not by value: that two of them are equal in one kernel is chance, and would make
// other code of it.
Value FusedEmitter::number(Operation *op, int64_t value) {
  Value &argument = numberOf[{op, value}];
  if (!argument) {
    const unsigned at = body.getNumArguments() - 3; // before scalars, begin and end
    (void)body.insertArgument(at, b.getI64Type(), {}, loc);
    argument = body.getArgument(at);
    numbers.push_back(value);
  }
  return argument;
}

} // namespace of
