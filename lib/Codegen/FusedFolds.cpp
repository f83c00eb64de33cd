// Accumulators of a fused kernel: their types, neutral elements and combiners.
#include "lib/Codegen/FusedEmitter.h"

#include "dialects/Of/Build.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace of {

static Type elementOf(const Anchor &anchor) { return tensorType(anchor.value).getElementType(); }
static SbpKind combinerOf(const Anchor &anchor) {
  return cast<ReductionOpInterface>(anchor.reduction).getCombiner();
}

/// Halves are summed in f32.
Type FusedEmitter::accumulatorType(const Anchor &anchor) const {
  Type element = elementOf(anchor);
  auto floating = dyn_cast<FloatType>(element);
  return floating && floating.getWidth() < 32 ? Float32Type::get(element.getContext())
                                              : storageType(element);
}

Value FusedEmitter::toAccumulator(const Anchor &anchor, Value value) {
  Type type = accumulatorType(anchor);
  if (value.getType() == type)
    return value;
  return isa<FloatType>(type) ? arith::ExtFOp::create(b, loc, type, value).getResult()
                              : arith::ExtUIOp::create(b, loc, type, value).getResult();
}

Value FusedEmitter::fromAccumulator(const Anchor &anchor, Value value) {
  Type element = elementOf(anchor);
  if (isa<FloatType>(element))
    return element == value.getType() ? value
                                      : arith::TruncFOp::create(b, loc, element, value).getResult();
  return element.isInteger(1) ? arith::TruncIOp::create(b, loc, element, value).getResult() : value;
}

Value FusedEmitter::neutral(const Anchor &anchor) {
  Type type = accumulatorType(anchor);
  SbpKind kind = combinerOf(anchor);
  if (kind == SbpKind::PartialSum)
    return arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  bool isMax = kind == SbpKind::PartialMax;
  if (auto floating = dyn_cast<FloatType>(type))
    return arith::ConstantOp::create(
        b, loc, b.getFloatAttr(type, APFloat::getInf(floating.getFloatSemantics(), isMax)));
  unsigned width = type.getIntOrFloatBitWidth();
  bool isUnsigned = elementOf(anchor).isUnsignedInteger() || elementOf(anchor).isInteger(1);
  APInt value = isUnsigned
                    ? (isMax ? APInt::getMinValue(width) : APInt::getMaxValue(width))
                    : (isMax ? APInt::getSignedMinValue(width) : APInt::getSignedMaxValue(width));
  return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, value));
}

Value FusedEmitter::combine(const Anchor &anchor, Value sum, Value value, bool inRegister) {
  value = toAccumulator(anchor, value);
  bool isFloat = isa<FloatType>(sum.getType());
  bool isUnsigned = elementOf(anchor).isUnsignedInteger() || elementOf(anchor).isInteger(1);
  switch (combinerOf(anchor)) {
  case SbpKind::PartialMax:
    if (isFloat)
      return arith::MaximumFOp::create(b, loc, sum, value);
    return isUnsigned ? arith::MaxUIOp::create(b, loc, sum, value).getResult()
                      : arith::MaxSIOp::create(b, loc, sum, value).getResult();
  case SbpKind::PartialMin:
    if (isFloat)
      return arith::MinimumFOp::create(b, loc, sum, value);
    return isUnsigned ? arith::MinUIOp::create(b, loc, sum, value).getResult()
                      : arith::MinSIOp::create(b, loc, sum, value).getResult();
  default:
    break;
  }
  if (!isFloat)
    return arith::AddIOp::create(b, loc, sum, value);
  auto flags = inRegister ? arith::FastMathFlags::reassoc : arith::FastMathFlags::none;
  return arith::AddFOp::create(b, loc, sum, value, flags);
}

} // namespace of
