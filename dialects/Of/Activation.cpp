// Activations: scalar meaning and gradient, or a formula.
#include "dialects/Of/Formula.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;

namespace of {

#define OF_SAME_TYPE(Op)                                                                           \
  LogicalResult Op::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor a,        \
                                     SmallVectorImpl<Type> &types) {                               \
    if (!isa<FloatType>(tensorType(a.getInput()).getElementType()))                                \
      return emitOptionalError(loc, getOperationName(), ": works on floats, not ",                 \
                               a.getInput().getType());                                            \
    types.push_back(withoutDist(a.getInput().getType()));                                          \
    return success();                                                                              \
  }

// ---- Computed at a point
// -------------------------------------------------------------------------

namespace {
/// Scalars of one float type.
struct Scalars {
  OpBuilder &b;
  Location loc;
  Type type;

  Value real(double v) const { return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, v)); }
  Value add(Value x, Value y) const { return arith::AddFOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) const { return arith::MulFOp::create(b, loc, x, y); }
  Value positive(Value x) const {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UGT, x, real(0)); // NaN passes
  }
  Value select(Value c, Value x, Value y) const { return arith::SelectOp::create(b, loc, c, x, y); }
};
} // namespace

// A pointwise activation: its value from scalars s and x, its gradient from f, g, x and the result
// y.
#define OF_ACTIVATION(Op, SCALAR, GRADIENT)                                                        \
  OF_SAME_TYPE(Op)                                                                                 \
  ShardingRule Op::getShardingRule() { return pointwiseRule(*this); }                              \
  Value Op::buildScalar(OpBuilder &b, ValueRange operands, PointContext &) {                       \
    Value x = operands[0];                                                                         \
    Scalars s{b, getLoc(), x.getType()};                                                           \
    return SCALAR;                                                                                 \
  }                                                                                                \
  LogicalResult Op::buildGradient(OpBuilder &b, ValueRange grads, SmallVectorImpl<Value> &out) {   \
    Formula f(b, getLoc());                                                                        \
    Value g = grads[0], x = getInput(), y = getResult();                                           \
    (void)x, (void)y;                                                                              \
    out[0] = GRADIENT;                                                                             \
    return success();                                                                              \
  }

static Value positive(Formula f, Value x) {
  return CompareOp::create(f.b, f.loc, "gt", x, f.like(x, 0));
}

OF_ACTIVATION(ReciprocalOp, arith::DivFOp::create(b, getLoc(), s.real(1), x),
              f.neg(f.mul(f.mul(g, y), y)))

OF_ACTIVATION(LeakyReluOp,
              s.select(s.positive(x), x, s.mul(x, s.real(getAlpha().convertToDouble()))),
              f.select(positive(f, x), g, f.mul(g, getAlpha().convertToDouble())))

OF_ACTIVATION(EluOp,
              s.select(s.positive(x), x,
                       s.mul(s.real(getAlpha().convertToDouble()),
                             math::ExpM1Op::create(b, getLoc(), x))),
              f.select(positive(f, x), g, f.mul(g, f.add(y, getAlpha().convertToDouble()))))

// max(x, 0) + log(1 + e^-|x|) neither overflows nor loses digits.
static Value softplusOf(const Scalars &s, Value x) {
  Value distance = arith::NegFOp::create(s.b, s.loc, math::AbsFOp::create(s.b, s.loc, x));
  Value rest = math::Log1pOp::create(s.b, s.loc, math::ExpOp::create(s.b, s.loc, distance));
  return s.add(arith::MaximumFOp::create(s.b, s.loc, x, s.real(0)), rest);
}
OF_ACTIVATION(SoftplusOp, softplusOf(s, x), f.mul(g, f.sigmoid(x)))

static Value clipOf(const Scalars &s, ClipOp op, Value x) {
  if (op.getMin())
    x = arith::MaximumFOp::create(s.b, s.loc, x, s.real(op.getMin()->convertToDouble()));
  if (op.getMax())
    x = arith::MinimumFOp::create(s.b, s.loc, x, s.real(op.getMax()->convertToDouble()));
  return x;
}
static Value clipGradient(Formula f, ClipOp op, Value x, Value g) {
  auto pass = [&](StringRef predicate, double bound) {
    Value inside = CompareOp::create(f.b, f.loc, predicate, x, f.like(x, bound));
    g = f.select(inside, g, f.like(g, 0));
  };
  if (op.getMin())
    pass("ge", op.getMin()->convertToDouble());
  if (op.getMax())
    pass("le", op.getMax()->convertToDouble());
  return g;
}
OF_ACTIVATION(ClipOp, clipOf(s, *this, x), clipGradient(f, *this, x, g))

LogicalResult ClipOp::verify() {
  if (getMin() && getMax() && getMin()->convertToDouble() > getMax()->convertToDouble())
    return emitOpError() << "has min " << getMin()->convertToDouble() << " above max "
                         << getMax()->convertToDouble();
  return success();
}

// ---- Written with other ops
// ----------------------------------------------------------------------

#define OF_COMPOSED(Op, FORMULA)                                                                   \
  OF_SAME_TYPE(Op)                                                                                 \
  LogicalResult Op::decompose(OpBuilder &b, SmallVectorImpl<Value> &results) {                     \
    Formula f(b, getLoc());                                                                        \
    Value x = getInput();                                                                          \
    results.push_back(FORMULA);                                                                    \
    return success();                                                                              \
  }

// One whose gradient comes from f, g and x.
#define OF_COMPOSED_ACTIVATION(Op, FORMULA, GRADIENT)                                              \
  OF_COMPOSED(Op, FORMULA)                                                                         \
  LogicalResult Op::buildGradient(OpBuilder &b, ValueRange grads, SmallVectorImpl<Value> &out) {   \
    Formula f(b, getLoc());                                                                        \
    Value g = grads[0], x = getInput();                                                            \
    out[0] = f.mul(g, GRADIENT);                                                                   \
    return success();                                                                              \
  }

LogicalResult GeluOp::verify() {
  if (getApproximate() != "none" && getApproximate() != "tanh")
    return emitOpError() << "has approximation '" << getApproximate() << "'; use none or tanh";
  return success();
}

static Value geluOf(Formula f, Value x, bool byTanh) {
  Value cube = f.mul(x, f.square(x));
  Value inner = byTanh ? f.tanh(f.mul(f.add(x, f.mul(cube, 0.044715)), std::sqrt(2 / M_PI)))
                       : f.erf(f.mul(x, std::sqrt(0.5)));
  return f.mul(f.mul(x, 0.5), f.add(inner, 1));
}

// With the normal distribution P and its density p: P(x) + x p(x); the same of the approximation.
static Value geluSlope(Formula f, Value x, bool byTanh) {
  if (!byTanh) {
    Value below = f.mul(f.add(f.erf(f.mul(x, std::sqrt(0.5))), 1), 0.5);
    Value density = f.mul(f.exp(f.mul(f.square(x), -0.5)), 1 / std::sqrt(2 * M_PI));
    return f.add(below, f.mul(x, density));
  }
  const double scale = std::sqrt(2 / M_PI), cubic = 0.044715;
  Value square = f.square(x);
  Value t = f.tanh(f.mul(f.mul(x, f.add(f.mul(square, cubic), 1)), scale));
  Value slope = f.mul(f.add(f.mul(square, 3 * cubic), 1), scale);
  Value rest = f.add(f.neg(f.square(t)), 1);
  return f.mul(f.add(f.add(t, 1), f.mul(x, f.mul(rest, slope))), 0.5);
}

static Value siluSlope(Formula f, Value x) {
  Value s = f.sigmoid(x);
  return f.mul(s, f.add(f.mul(x, f.add(f.neg(s), 1)), 1));
}

static Value clipped(Formula f, Value x, double low, double high) {
  return ClipOp::create(f.b, f.loc, x, f.b.getF64FloatAttr(low), f.b.getF64FloatAttr(high));
}
static Value elu(Formula f, Value x, APFloat alpha) { return EluOp::create(f.b, f.loc, x, alpha); }
static Value softplus(Formula f, Value x) { return SoftplusOp::create(f.b, f.loc, x); }

OF_COMPOSED(SquareOp, f.square(x))
OF_COMPOSED(TanOp, f.div(SinOp::create(b, getLoc(), x), f.cos(x)))
OF_COMPOSED_ACTIVATION(SiluOp, f.mul(x, f.sigmoid(x)), siluSlope(f, x))
OF_COMPOSED_ACTIVATION(GeluOp, geluOf(f, x, getApproximate() == "tanh"),
                       geluSlope(f, x, getApproximate() == "tanh"))
OF_COMPOSED(SeluOp, f.mul(elu(f, x, getAlpha()), getGamma().convertToDouble()))
OF_COMPOSED(MishOp, f.mul(x, f.tanh(softplus(f, x))))
OF_COMPOSED(HardSigmoidOp,
            clipped(f, f.add(f.mul(x, getAlpha().convertToDouble()), getBeta().convertToDouble()),
                    0, 1))
OF_COMPOSED(HardSwishOp, f.mul(x, f.mul(clipped(f, f.add(x, 3), 0, 6), 1.0 / 6)))

} // namespace of
