// Pointwise ops: types, scalar meaning, linearity and gradients, op by op.
#include "dialects/Of/Build.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace of {

// ---- Helpers
// -------------------------------------------------------------------------------------------------------

Value sumTo(OpBuilder &b, Location loc, Value value, Type type) {
  auto from = tensorType(value), to = cast<RankedTensorType>(type);
  if (from.getShape() == to.getShape())
    return value;
  SmallVector<int64_t> dims;
  int64_t lead = from.getRank() - to.getRank();
  for (int64_t i = 0; i < from.getRank(); ++i)
    if (i < lead || (to.getDimSize(i - lead) == 1 && from.getDimSize(i) != 1))
      dims.push_back(i);
  Value sum = ReduceSumOp::create(b, loc, value, dims, false);
  return tensorType(sum).getShape() == to.getShape()
             ? sum
             : ReshapeOp::create(b, loc, sum, to.getShape()).getResult();
}

Value scalarLike(OpBuilder &b, Location loc, Value like, double value) {
  return ConstantOp::create(b, loc, RankedTensorType::get({}, tensorType(like).getElementType()),
                            value);
}

static FailureOr<RankedTensorType> broadcastShapes(std::optional<Location> loc, StringRef name,
                                                   ValueRange operands, Type elementType) {
  SmallVector<int64_t> shape;
  for (Value operand : operands) {
    ArrayRef<int64_t> other = tensorType(operand).getShape();
    if (other.size() > shape.size())
      shape.insert(shape.begin(), other.size() - shape.size(), 1);
    for (size_t i = 0; i < other.size(); ++i) {
      int64_t &dim = shape[shape.size() - other.size() + i];
      if (dim == 1 || ShapedType::isDynamic(dim))
        dim = other[i] == 1 && ShapedType::isDynamic(dim) ? dim : other[i];
      else if (other[i] != 1 && !ShapedType::isDynamic(other[i]) && other[i] != dim) {
        (void)emitOptionalError(loc, name, ": shapes do not broadcast: ", operands[0].getType(),
                                " and ", operand.getType());
        return failure();
      }
    }
  }
  return RankedTensorType::get(shape, elementType);
}

static LogicalResult inferBinary(std::optional<Location> loc, StringRef name, Value lhs, Value rhs,
                                 SmallVectorImpl<Type> &types) {
  if (tensorType(lhs).getElementType() != tensorType(rhs).getElementType())
    return emitOptionalError(loc, name, ": element types differ: ", lhs.getType(), " and ",
                             rhs.getType(), "; insert an of.cast");
  auto type = broadcastShapes(loc, name, {lhs, rhs}, tensorType(lhs).getElementType());
  if (failed(type))
    return failure();
  types.push_back(*type);
  return success();
}

static bool isFloat(Value v) { return isa<FloatType>(v.getType()); }

static Value floatConstant(OpBuilder &b, Location loc, Type type, double value) {
  return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
}

static Value zeroOf(OpBuilder &b, Location loc, Type type) {
  return arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
}

using Sets = SmallVector<SmallVector<unsigned>>;

// ---- Unary
// ---------------------------------------------------------------------------------------------------------

#define OF_UNARY(Op)                                                                               \
  LogicalResult Op::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,      \
                                     SmallVectorImpl<Type> &types) {                               \
    types.push_back(withoutDist(adaptor.getInput().getType()));                                    \
    return success();                                                                              \
  }                                                                                                \
  ShardingRule Op::getShardingRule() { return pointwiseRule(*this); }

// A unary op: its scalar value from x, and its input gradient from g, the op's input x and its
// result y.
#define OF_UNARY_OP(Op, SCALAR, GRADIENT)                                                          \
  OF_UNARY(Op)                                                                                     \
  Value Op::buildScalar(OpBuilder &b, ValueRange operands, PointContext &) {                       \
    Location loc = getLoc();                                                                       \
    Value x = operands[0];                                                                         \
    (void)loc;                                                                                     \
    return SCALAR;                                                                                 \
  }                                                                                                \
  LogicalResult Op::buildGradient(OpBuilder &b, ValueRange grads, SmallVectorImpl<Value> &out) {   \
    Location loc = getLoc();                                                                       \
    Value g = grads[0], x = getInput(), y = getResult();                                           \
    (void)loc, (void)g, (void)x, (void)y;                                                          \
    out[0] = GRADIENT;                                                                             \
    return success();                                                                              \
  }

static Value negate(OpBuilder &b, Location loc, Value x) {
  return isFloat(x) ? arith::NegFOp::create(b, loc, x).getResult()
                    : arith::SubIOp::create(b, loc, zeroOf(b, loc, x.getType()), x).getResult();
}

static Value signOf(OpBuilder &b, Location loc, Value x) {
  Type type = x.getType();
  if (!isFloat(x)) {
    Value zero = zeroOf(b, loc, type),
          one = arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, 1));
    Value minus = arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, -1));
    Value negative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, zero);
    Value positive = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, x, zero);
    return arith::SelectOp::create(b, loc, positive, one,
                                   arith::SelectOp::create(b, loc, negative, minus, zero));
  }
  Value zero = zeroOf(b, loc, type);
  Value negative = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x, zero);
  Value positive = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, zero);
  return arith::SelectOp::create(
      b, loc, positive, floatConstant(b, loc, type, 1),
      arith::SelectOp::create(b, loc, negative, floatConstant(b, loc, type, -1), zero));
}

static Value absOf(OpBuilder &b, Location loc, Value x) {
  return isFloat(x) ? math::AbsFOp::create(b, loc, x).getResult()
                    : math::AbsIOp::create(b, loc, x).getResult();
}

static Value reluOf(OpBuilder &b, Location loc, Value x) {
  Value zero = zeroOf(b, loc, x.getType());
  if (!isFloat(x))
    return arith::MaxSIOp::create(b, loc, x, zero);
  // x > 0 ? x : 0 lets NaN through as the select of a false comparison would not; compare the other
  // way round.
  Value below = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLE, x, zero);
  return arith::SelectOp::create(b, loc, below, zero, x);
}

static Value sigmoidOf(OpBuilder &b, Location loc, Value x) {
  // 1 / (1 + e^-x); e^-x overflows to infinity for very negative x, whose reciprocal is the right
  // 0.
  Value one = floatConstant(b, loc, x.getType(), 1);
  Value e = math::ExpOp::create(b, loc, arith::NegFOp::create(b, loc, x));
  return arith::DivFOp::create(b, loc, one, arith::AddFOp::create(b, loc, one, e));
}

// Gradient formulas in `of` ops.
static Value mul(OpBuilder &b, Location loc, Value x, Value y) {
  return MulOp::create(b, loc, x, y);
}
static Value sub(OpBuilder &b, Location loc, Value x, Value y) {
  return SubOp::create(b, loc, x, y);
}
static Value div(OpBuilder &b, Location loc, Value x, Value y) {
  return DivOp::create(b, loc, x, y);
}
static Value scale(OpBuilder &b, Location loc, Value x, double c) {
  return mul(b, loc, x, scalarLike(b, loc, x, c));
}
static Value maskedBy(OpBuilder &b, Location loc, StringRef predicate, Value x, Value y, Value g) {
  Value condition = CompareOp::create(b, loc, predicate, x, y);
  return SelectOp::create(b, loc, condition, g, scalarLike(b, loc, g, 0));
}

// Gradients multiply from g on: a factor of x and y alone would be computed with the forward pass
// and kept until here, beside x and y.
OF_UNARY_OP(NegOp, negate(b, loc, x), NegOp::create(b, loc, g))
Sets NegOp::getLinearOperandSets() { return {{0}}; }
OF_UNARY_OP(AbsOp, absOf(b, loc, x), mul(b, loc, g, SignOp::create(b, loc, x)))
OF_UNARY_OP(SignOp, signOf(b, loc, x), Value())
OF_UNARY_OP(ExpOp, math::ExpOp::create(b, loc, x), mul(b, loc, g, y))
OF_UNARY_OP(LogOp, math::LogOp::create(b, loc, x), div(b, loc, g, x))
OF_UNARY_OP(SqrtOp, math::SqrtOp::create(b, loc, x), div(b, loc, scale(b, loc, g, 0.5), y))
OF_UNARY_OP(RsqrtOp,
            arith::DivFOp::create(b, loc, floatConstant(b, loc, x.getType(), 1),
                                  math::SqrtOp::create(b, loc, x)),
            mul(b, loc, mul(b, loc, mul(b, loc, scale(b, loc, g, -0.5), y), y), y))
OF_UNARY_OP(TanhOp, math::TanhOp::create(b, loc, x),
            sub(b, loc, g, mul(b, loc, mul(b, loc, g, y), y)))
OF_UNARY_OP(ErfOp, math::ErfOp::create(b, loc, x),
            mul(b, loc, scale(b, loc, g, 1.1283791670955126),
                ExpOp::create(b, loc, NegOp::create(b, loc, mul(b, loc, x, x)))))
OF_UNARY_OP(SinOp, math::SinOp::create(b, loc, x), mul(b, loc, g, CosOp::create(b, loc, x)))
OF_UNARY_OP(CosOp, math::CosOp::create(b, loc, x),
            NegOp::create(b, loc, mul(b, loc, g, SinOp::create(b, loc, x))))
OF_UNARY_OP(AtanOp, math::AtanOp::create(b, loc, x),
            div(b, loc, g, AddOp::create(b, loc, mul(b, loc, x, x), scalarLike(b, loc, x, 1))))
OF_UNARY_OP(FloorOp, math::FloorOp::create(b, loc, x), Value())
OF_UNARY_OP(CeilOp, math::CeilOp::create(b, loc, x), Value())
OF_UNARY_OP(RoundOp, math::RoundEvenOp::create(b, loc, x), Value())
OF_UNARY_OP(ReluOp, reluOf(b, loc, x), maskedBy(b, loc, "gt", x, scalarLike(b, loc, x, 0), g))
OF_UNARY_OP(SigmoidOp, sigmoidOf(b, loc, x), mul(b, loc, sub(b, loc, g, mul(b, loc, g, y)), y))
OF_UNARY_OP(NotOp,
            arith::XOrIOp::create(b, loc, x,
                                  arith::ConstantOp::create(b, loc,
                                                            b.getIntegerAttr(x.getType(), -1))),
            Value())
OF_UNARY_OP(StopGradientOp, x, Value())
Sets StopGradientOp::getLinearOperandSets() { return {{0}}; }

// ---- Binary
// --------------------------------------------------------------------------------------------------------

// A binary op: its scalar value from x and y, and the gradients of both from g, before summing over
// broadcast dims.
#define OF_BINARY_OP(Op, SCALAR, GRADIENT_X, GRADIENT_Y)                                           \
  LogicalResult Op::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor adaptor,  \
                                     SmallVectorImpl<Type> &types) {                               \
    return inferBinary(loc, getOperationName(), adaptor.getLhs(), adaptor.getRhs(), types);        \
  }                                                                                                \
  ShardingRule Op::getShardingRule() { return pointwiseRule(*this); }                              \
  Value Op::buildScalar(OpBuilder &b, ValueRange operands, PointContext &) {                       \
    Location loc = getLoc();                                                                       \
    Value x = operands[0], y = operands[1];                                                        \
    return SCALAR;                                                                                 \
  }                                                                                                \
  LogicalResult Op::buildGradient(OpBuilder &b, ValueRange grads, SmallVectorImpl<Value> &out) {   \
    Location loc = getLoc();                                                                       \
    Value g = grads[0], x = getLhs(), y = getRhs(), z = getResult();                               \
    (void)z;                                                                                       \
    out[0] = sumTo(b, loc, GRADIENT_X, x.getType());                                               \
    out[1] = sumTo(b, loc, GRADIENT_Y, y.getType());                                               \
    return success();                                                                              \
  }

#define OF_ARITH(FloatOp, IntOp)                                                                   \
  isFloat(x) ? arith::FloatOp::create(b, loc, x, y).getResult()                                    \
             : arith::IntOp::create(b, loc, x, y).getResult()

// Scalars of `arith` have no sign; ops know it from the element type.
static bool isUnsigned(Value tensor) {
  Type element = tensorType(tensor).getElementType();
  return element.isUnsignedInteger() || element.isInteger(1);
}
static Type scalarType(Type element) {
  return element.isUnsignedInteger()
             ? IntegerType::get(element.getContext(), element.getIntOrFloatBitWidth())
             : element;
}
#define OF_ARITH_OF_SIGN(FloatOp, SignedOp, UnsignedOp)                                            \
  (!isFloat(x) && isUnsigned(getLhs())) ? arith::UnsignedOp::create(b, loc, x, y).getResult()      \
                                        : OF_ARITH(FloatOp, SignedOp)

// Half of g where x and y are equal, g where x wins, 0 where it loses.
static Value shareOfWinner(OpBuilder &b, Location loc, StringRef wins, Value x, Value y, Value g) {
  Value half = maskedBy(b, loc, "eq", x, y, scale(b, loc, g, 0.5));
  return SelectOp::create(b, loc, CompareOp::create(b, loc, wins, x, y), g, half);
}

OF_BINARY_OP(AddOp, OF_ARITH(AddFOp, AddIOp), g, g)
Sets AddOp::getLinearOperandSets() { return {{0, 1}}; }
OF_BINARY_OP(SubOp, OF_ARITH(SubFOp, SubIOp), g, NegOp::create(b, loc, g))
Sets SubOp::getLinearOperandSets() { return {{0, 1}}; }
OF_BINARY_OP(MulOp, OF_ARITH(MulFOp, MulIOp), mul(b, loc, g, y), mul(b, loc, g, x))
Sets MulOp::getLinearOperandSets() { return {{0}, {1}}; }
OF_BINARY_OP(DivOp, OF_ARITH_OF_SIGN(DivFOp, DivSIOp, DivUIOp), div(b, loc, g, y),
             NegOp::create(b, loc, div(b, loc, mul(b, loc, g, z), y)))
Sets DivOp::getLinearOperandSets() {
  // Integer division rounds: it is not linear.
  return isa<FloatType>(tensorType(getLhs()).getElementType()) ? Sets{{0}} : Sets{};
}
OF_BINARY_OP(MaxOp, OF_ARITH_OF_SIGN(MaximumFOp, MaxSIOp, MaxUIOp),
             shareOfWinner(b, loc, "gt", x, y, g), shareOfWinner(b, loc, "gt", y, x, g))
OF_BINARY_OP(MinOp, OF_ARITH_OF_SIGN(MinimumFOp, MinSIOp, MinUIOp),
             shareOfWinner(b, loc, "lt", x, y, g), shareOfWinner(b, loc, "lt", y, x, g))

// x^y = e^(y log x): for x > 0; 0^0 = 1 and 0^y = 0 for y > 0. An integer constant exponent is
// multiplied out.
static std::optional<int64_t> integerExponent(Value y) {
  auto constant = y.getDefiningOp<ConstantOp>();
  if (!constant)
    return std::nullopt;
  if (auto i = dyn_cast<IntegerAttr>(constant.getValue()))
    return i.getInt();
  double value = cast<FloatAttr>(constant.getValue()).getValueAsDouble();
  if (value == static_cast<int64_t>(value) && std::abs(value) <= 64)
    return static_cast<int64_t>(value);
  return std::nullopt;
}

static Value powOf(OpBuilder &b, Location loc, PowOp op, Value x, Value y) {
  Type type = x.getType();
  Value one = isFloat(x) ? floatConstant(b, loc, type, 1)
                         : arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, 1)).getResult();
  if (std::optional<int64_t> n = integerExponent(op.getRhs())) {
    Value result = one, power = x;
    for (uint64_t bits = std::abs(*n); bits; bits >>= 1) {
      auto times = [&](Value p, Value q) -> Value {
        return isFloat(p) ? arith::MulFOp::create(b, loc, p, q).getResult()
                          : arith::MulIOp::create(b, loc, p, q).getResult();
      };
      if (bits & 1)
        result = times(result, power);
      power = times(power, power);
    }
    return *n < 0 && isFloat(x) ? arith::DivFOp::create(b, loc, one, result).getResult() : result;
  }
  Value zero = zeroOf(b, loc, type);
  Value general =
      math::ExpOp::create(b, loc, arith::MulFOp::create(b, loc, y, math::LogOp::create(b, loc, x)));
  Value isZero = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, zero);
  Value exponentZero = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, y, zero);
  Value atZero = arith::SelectOp::create(b, loc, exponentZero, one, zero);
  return arith::SelectOp::create(b, loc, isZero, atZero, general);
}
OF_BINARY_OP(PowOp, powOf(b, loc, *this, x, y),
             mul(b, loc, g,
                 mul(b, loc, y,
                     PowOp::create(b, loc, x, sub(b, loc, y, scalarLike(b, loc, y, 1))))),
             maskedBy(b, loc, "gt", x, scalarLike(b, loc, x, 0),
                      mul(b, loc, g, mul(b, loc, z, LogOp::create(b, loc, x)))))

// Logic has values, but nothing to differentiate.
#define OF_LOGICAL_OP(Op, SCALAR)                                                                  \
  LogicalResult Op::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor adaptor,  \
                                     SmallVectorImpl<Type> &types) {                               \
    if (!isa<IntegerType>(tensorType(adaptor.getLhs()).getElementType()))                          \
      return emitOptionalError(loc, getOperationName(), ": works on bools and integers, not ",     \
                               adaptor.getLhs().getType());                                        \
    return inferBinary(loc, getOperationName(), adaptor.getLhs(), adaptor.getRhs(), types);        \
  }                                                                                                \
  ShardingRule Op::getShardingRule() { return pointwiseRule(*this); }                              \
  Value Op::buildScalar(OpBuilder &b, ValueRange operands, PointContext &) {                       \
    return arith::SCALAR::create(b, getLoc(), operands[0], operands[1]);                           \
  }                                                                                                \
  LogicalResult Op::buildGradient(OpBuilder &, ValueRange, SmallVectorImpl<Value> &) {             \
    return success();                                                                              \
  }

OF_LOGICAL_OP(AndOp, AndIOp)
OF_LOGICAL_OP(OrOp, OrIOp)
OF_LOGICAL_OP(XorOp, XOrIOp)

// ---- compare, select, cast
// -----------------------------------------------------------------------------------------

LogicalResult CompareOp::verify() {
  if (!llvm::is_contained({"eq", "ne", "lt", "le", "gt", "ge"}, getPredicate()))
    return emitOpError() << "has predicate '" << getPredicate()
                         << "'; use eq, ne, lt, le, gt or ge";
  return success();
}

LogicalResult CompareOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  if (failed(inferBinary(loc, "of.compare", adaptor.getLhs(), adaptor.getRhs(), types)))
    return failure();
  types.back() = RankedTensorType::get(cast<RankedTensorType>(types.back()).getShape(),
                                       IntegerType::get(context, 1));
  return success();
}

Value CompareOp::buildScalar(OpBuilder &b, ValueRange operands, PointContext &) {
  StringRef p = getPredicate();
  if (isFloat(operands[0])) {
    auto predicate = llvm::StringSwitch<arith::CmpFPredicate>(p)
                         .Case("eq", arith::CmpFPredicate::OEQ)
                         .Case("ne", arith::CmpFPredicate::UNE)
                         .Case("lt", arith::CmpFPredicate::OLT)
                         .Case("le", arith::CmpFPredicate::OLE)
                         .Case("gt", arith::CmpFPredicate::OGT)
                         .Default(arith::CmpFPredicate::OGE);
    return arith::CmpFOp::create(b, getLoc(), predicate, operands[0], operands[1]);
  }
  bool isSigned = !isUnsigned(getLhs());
  auto predicate = llvm::StringSwitch<arith::CmpIPredicate>(p)
                       .Case("eq", arith::CmpIPredicate::eq)
                       .Case("ne", arith::CmpIPredicate::ne)
                       .Case("lt", isSigned ? arith::CmpIPredicate::slt : arith::CmpIPredicate::ult)
                       .Case("le", isSigned ? arith::CmpIPredicate::sle : arith::CmpIPredicate::ule)
                       .Case("gt", isSigned ? arith::CmpIPredicate::sgt : arith::CmpIPredicate::ugt)
                       .Default(isSigned ? arith::CmpIPredicate::sge : arith::CmpIPredicate::uge);
  return arith::CmpIOp::create(b, getLoc(), predicate, operands[0], operands[1]);
}
ShardingRule CompareOp::getShardingRule() { return pointwiseRule(*this); }
LogicalResult CompareOp::buildGradient(OpBuilder &, ValueRange, SmallVectorImpl<Value> &) {
  return success();
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  if (!tensorType(adaptor.getCondition()).getElementType().isInteger(1))
    return emitOptionalError(loc, "select: the condition is ", adaptor.getCondition().getType(),
                             ", not a bool tensor");
  if (failed(inferBinary(loc, "of.select", adaptor.getLhs(), adaptor.getRhs(), types)))
    return failure();
  auto type = broadcastShapes(loc, "of.select",
                              {adaptor.getCondition(), adaptor.getLhs(), adaptor.getRhs()},
                              cast<RankedTensorType>(types.back()).getElementType());
  if (failed(type))
    return failure();
  types.back() = *type;
  return success();
}
Value SelectOp::buildScalar(OpBuilder &b, ValueRange operands, PointContext &) {
  return arith::SelectOp::create(b, getLoc(), operands[0], operands[1], operands[2]);
}
Sets SelectOp::getLinearOperandSets() { return {{1, 2}}; }
ShardingRule SelectOp::getShardingRule() { return pointwiseRule(*this); }
LogicalResult SelectOp::buildGradient(OpBuilder &b, ValueRange grads, SmallVectorImpl<Value> &out) {
  Value zero = scalarLike(b, getLoc(), grads[0], 0);
  out[1] = sumTo(b, getLoc(), SelectOp::create(b, getLoc(), getCondition(), grads[0], zero),
                 getLhs().getType());
  out[2] = sumTo(b, getLoc(), SelectOp::create(b, getLoc(), getCondition(), zero, grads[0]),
                 getRhs().getType());
  return success();
}

LogicalResult CastOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  types.push_back(
      RankedTensorType::get(tensorType(adaptor.getInput()).getShape(), adaptor.getTo()));
  return success();
}
Value CastOp::buildScalar(OpBuilder &b, ValueRange operands, PointContext &) {
  Location loc = getLoc();
  Value x = operands[0];
  Type from = x.getType(), to = scalarType(getTo());
  bool fromUnsigned = isUnsigned(getInput());
  if (from == to)
    return x;
  if (auto toFloat = dyn_cast<FloatType>(to)) {
    if (auto fromFloat = dyn_cast<FloatType>(from)) {
      if (fromFloat.getWidth() == toFloat.getWidth()) // f16 <-> bf16
        return arith::TruncFOp::create(b, loc, to,
                                       arith::ExtFOp::create(b, loc, b.getF32Type(), x));
      return fromFloat.getWidth() < toFloat.getWidth()
                 ? arith::ExtFOp::create(b, loc, to, x).getResult()
                 : arith::TruncFOp::create(b, loc, to, x).getResult();
    }
    return fromUnsigned ? arith::UIToFPOp::create(b, loc, to, x).getResult()
                        : arith::SIToFPOp::create(b, loc, to, x).getResult();
  }
  if (to.isInteger(1)) {
    Value zero = zeroOf(b, loc, from);
    return isFloat(x)
               ? arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, x, zero).getResult()
               : arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, x, zero).getResult();
  }
  if (isFloat(x))
    return getTo().isUnsignedInteger() ? arith::FPToUIOp::create(b, loc, to, x).getResult()
                                       : arith::FPToSIOp::create(b, loc, to, x).getResult();
  if (from.getIntOrFloatBitWidth() > to.getIntOrFloatBitWidth())
    return arith::TruncIOp::create(b, loc, to, x);
  return fromUnsigned ? arith::ExtUIOp::create(b, loc, to, x).getResult()
                      : arith::ExtSIOp::create(b, loc, to, x).getResult();
}
Sets CastOp::getLinearOperandSets() {
  // Linear between floats only: truncation to integers is not.
  return isa<FloatType>(getTo()) && isa<FloatType>(tensorType(getInput()).getElementType())
             ? Sets{{0}}
             : Sets{};
}
ShardingRule CastOp::getShardingRule() { return pointwiseRule(*this); }
LogicalResult CastOp::buildGradient(OpBuilder &b, ValueRange grads, SmallVectorImpl<Value> &out) {
  Type from = tensorType(getInput()).getElementType();
  if (isa<FloatType>(from) && isa<FloatType>(getTo()))
    out[0] = CastOp::create(b, getLoc(), grads[0], from);
  return success();
}

// ---- constant, iota, expand
// ----------------------------------------------------------------------------------------

LogicalResult ConstantOp::verify() {
  if (getValue().getType() != tensorType(getResult()).getElementType())
    return emitOpError() << "has value " << getValue() << " for a tensor of "
                         << tensorType(getResult()).getElementType();
  return success();
}
void ConstantOp::build(OpBuilder &b, OperationState &state, Type type, double value) {
  Type element = cast<RankedTensorType>(type).getElementType();
  TypedAttr attr = isa<FloatType>(element)
                       ? TypedAttr(b.getFloatAttr(element, value))
                       : TypedAttr(b.getIntegerAttr(element, static_cast<int64_t>(value)));
  build(b, state, type, attr);
}
Value ConstantOp::buildScalar(OpBuilder &b, ValueRange, PointContext &) {
  TypedAttr value = getValue();
  if (value.getType().isUnsignedInteger())
    value = b.getIntegerAttr(scalarType(value.getType()), cast<IntegerAttr>(value).getValue());
  return arith::ConstantOp::create(b, getLoc(), value);
}
ShardingRule ConstantOp::getShardingRule() { return pointwiseRule(*this); }
LogicalResult ConstantOp::buildGradient(OpBuilder &, ValueRange, SmallVectorImpl<Value> &) {
  return success();
}

Value IotaOp::buildScalar(OpBuilder &b, ValueRange, PointContext &point) {
  Type element = scalarType(tensorType(getResult()).getElementType());
  Value index = point.globalIndex(b, getDim());
  if (!isa<FloatType>(element))
    return arith::IndexCastOp::create(b, getLoc(), element, index);
  return arith::SIToFPOp::create(b, getLoc(), element,
                                 arith::IndexCastOp::create(b, getLoc(), b.getI64Type(), index));
}
ShardingRule IotaOp::getShardingRule() { return pointwiseRule(*this); }
LogicalResult IotaOp::buildGradient(OpBuilder &, ValueRange, SmallVectorImpl<Value> &) {
  return success();
}

LogicalResult ExpandOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto type = broadcastShapes(loc, "of.expand", {adaptor.getLike(), adaptor.getInput()},
                              tensorType(adaptor.getInput()).getElementType());
  if (failed(type))
    return failure();
  types.push_back(*type);
  return success();
}
Value ExpandOp::buildScalar(OpBuilder &, ValueRange operands, PointContext &) {
  return operands[0];
}
Sets ExpandOp::getLinearOperandSets() { return {{0}}; }
ShardingRule ExpandOp::getShardingRule() { return pointwiseRule(*this); }
LogicalResult ExpandOp::buildGradient(OpBuilder &b, ValueRange grads, SmallVectorImpl<Value> &out) {
  out[0] = sumTo(b, getLoc(), grads[0], getInput().getType());
  return success();
}

// ---- accumulate, copy
// ----------------------------------------------------------------------------------------------

LogicalResult AccumulateOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                             Adaptor adaptor, SmallVectorImpl<Type> &types) {
  types.push_back(withoutDist(adaptor.getSum().getType()));
  return success();
}
Value AccumulateOp::buildScalar(OpBuilder &b, ValueRange operands, PointContext &point) {
  Location loc = getLoc();
  Value sum = isFloat(operands[0])
                  ? arith::AddFOp::create(b, loc, operands[0], operands[1]).getResult()
                  : arith::AddIOp::create(b, loc, operands[0], operands[1]).getResult();
  Value first = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, point.microIndex(b),
                                      arith::ConstantIndexOp::create(b, loc, 0));
  return arith::SelectOp::create(b, loc, first, operands[1], sum);
}
Sets AccumulateOp::getLinearOperandSets() { return {{0, 1}}; }
ShardingRule AccumulateOp::getShardingRule() { return pointwiseRule(*this); }

OF_UNARY_OP(CopyOp, x, g)
Sets CopyOp::getLinearOperandSets() { return {{0}}; }

} // namespace of
