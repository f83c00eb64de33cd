#include "lib/Codegen/ExpandMath.h"

#include "lib/Codegen/MathCoefficients.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace of {
namespace {

/// Writes formulas over scalars of one float type.
class Formula {
public:
  Formula(OpBuilder &b, Location loc, Type type, bool fma)
      : b(b), loc(loc), type(type), wide(type.isF64()), fma(fma),
        bits(IntegerType::get(b.getContext(), type.getIntOrFloatBitWidth())) {}

  // ---- Values ----
  Value real(double v) const { return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, v)); }
  Value integer(int64_t v) const {
    return arith::ConstantOp::create(b, loc, b.getIntegerAttr(bits, v));
  }
  Value inf() const { return real(std::numeric_limits<double>::infinity()); }
  Value nan() const { return real(std::numeric_limits<double>::quiet_NaN()); }
  Value add(Value x, Value y) const { return arith::AddFOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) const { return arith::SubFOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) const { return arith::MulFOp::create(b, loc, x, y); }
  Value div(Value x, Value y) const { return arith::DivFOp::create(b, loc, x, y); }
  Value neg(Value x) const { return arith::NegFOp::create(b, loc, x); }
  Value abs(Value x) const { return math::AbsFOp::create(b, loc, x); }
  /// x * y + z
  Value madd(Value x, Value y, Value z) const {
    return fma ? math::FmaOp::create(b, loc, x, y, z).getResult() : add(mul(x, y), z);
  }
  Value select(Value c, Value x, Value y) const { return arith::SelectOp::create(b, loc, c, x, y); }
  Value less(Value x, Value y) const {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x, y);
  }
  Value equal(Value x, Value y) const {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, y);
  }
  /// NaN stays NaN.
  Value clamp(Value x, double low, double high) const {
    x = select(less(x, real(low)), real(low), x);
    return select(less(real(high), x), real(high), x);
  }
  Value withSignOf(Value magnitude, Value sign) const {
    return math::CopySignOp::create(b, loc, magnitude, sign);
  }

  // ---- Bits ----
  Value toBits(Value x) const { return arith::BitcastOp::create(b, loc, bits, x); }
  Value fromBits(Value x) const { return arith::BitcastOp::create(b, loc, type, x); }
  Value addI(Value x, Value y) const { return arith::AddIOp::create(b, loc, x, y); }
  Value subI(Value x, Value y) const { return arith::SubIOp::create(b, loc, x, y); }
  Value andI(Value x, int64_t mask) const {
    return arith::AndIOp::create(b, loc, x, integer(mask));
  }
  Value shl(Value x, int64_t n) const { return arith::ShLIOp::create(b, loc, x, integer(n)); }
  Value shr(Value x, int64_t n) const { return arith::ShRUIOp::create(b, loc, x, integer(n)); }
  Value isZero(Value x) const {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, integer(0));
  }

  int mantissa() const { return wide ? 52 : 23; }
  int bias() const { return wide ? 1023 : 127; }
  int64_t exponentMask() const { return wide ? 0x7ff : 0xff; }

  /// The nearest integer to x (small) as a number, and in the low bits of `n`: adding 1.5 *
  /// 2^mantissa leaves it there. Needs no conversion instruction, which AVX2 does not have for 64
  /// bits.
  Value nearest(Value x, Value &n) const {
    Value magic = real(wide ? 0x1.8p52 : 0x1.8p23);
    Value shifted = add(x, magic);
    n = subI(toBits(shifted), integer(wide ? 0x4338000000000000 : 0x4b400000));
    return sub(shifted, magic);
  }
  /// 2^n for n in the range of normal numbers.
  Value power2(Value n) const { return fromBits(shl(addI(n, integer(bias())), mantissa())); }

  template <size_t N> Value polynomial(const double (&c)[N], Value x) const {
    Value sum = real(c[N - 1]);
    for (size_t i = N - 1; i-- > 0;)
      sum = madd(sum, x, real(c[i]));
    return sum;
  }
#define OF_POLYNOMIAL(name, x)                                                                     \
  (wide ? polynomial(coefficients::name##F64, x) : polynomial(coefficients::name##F32, x))

  // ---- Functions ----
  Value exp(Value x) const;
  Value log(Value x) const;
  Value tanh(Value x) const;
  Value erf(Value x) const;
  Value sine(Value x, bool cosine) const;
  Value atan(Value x) const;
  Value expm1(Value x) const;
  Value log1p(Value x) const;

  OpBuilder &b;
  Location loc;
  Type type;

private:
  bool wide, fma;
  Type bits;
};

// x = n ln 2 + r with ln 2 in two parts, the first of so few bits that n times it is exact; e^x =
// 2^n (1 + r + r^2 Q(r)), the power in two halves, so that results below the normal range round
// once. What is too small for any number is kept out of that product: an underflow takes a
// processor a hundred times as long, and the logits of masked softmax are full of it.
Value Formula::exp(Value x) const {
  Value vanishes = less(x, real(wide ? -746 : -104)), most = real(wide ? 710 : 89);
  Value clamped = select(vanishes, real(0), select(less(most, x), most, x));
  Value n, count = nearest(mul(clamped, real(1.4426950408889634)), n);
  Value high = madd(count, real(wide ? -0x1.62e42feep-1 : -355.0 / 512), clamped);
  Value r = madd(count, real(wide ? -0x1.a39ef35793c76p-33 : 2.12194440054690583e-4), high);
  Value q = OF_POLYNOMIAL(exp, r);
  Value e = add(real(1), madd(mul(r, r), q, r));
  // n >> 1 without sign trouble: n + 2 bias is positive.
  Value half = subI(shr(addI(n, integer(4096)), 1), integer(2048));
  return select(vanishes, real(0), mul(mul(e, power2(half)), power2(subI(n, half))));
}

// x = 2^e m, m in [sqrt(1/2), sqrt(2)); with f = m - 1, s = f / (2 + f): log m = f - s (f - R) in
// the form that keeps small f exact.
Value Formula::log(Value x) const {
  Value tiny = less(x, real(wide ? 0x1p-1022 : 0x1p-126));
  Value scaled = select(tiny, mul(x, real(wide ? 0x1p54 : 0x1p25)), x);
  // Subtracting the bits of sqrt(1/2) makes the exponent field that of m's interval.
  Value raw = toBits(scaled);
  Value above = subI(raw, integer(wide ? 0x3fe6a09e667f3bcd : 0x3f3504f3));
  // The exponent is signed: shift it out with 2^k added, and take that off as a number.
  Value biased =
      shr(addI(above, integer(static_cast<int64_t>(bias() + 1) << mantissa())), mantissa());
  Value exponent = subI(biased, integer(bias() + 1));
  Value m = fromBits(subI(raw, shl(exponent, mantissa())));
  // To a number by the magic constant, in reverse of `nearest`.
  Value magic = real(wide ? 0x1.8p52 : 0x1.8p23);
  Value e = sub(fromBits(addI(exponent, integer(wide ? 0x4338000000000000 : 0x4b400000))), magic);
  e = sub(e, select(tiny, real(wide ? 54 : 25), real(0)));
  Value f = sub(m, real(1)), s = div(f, add(f, real(2))), z = mul(s, s);
  Value half = mul(mul(real(0.5), f), f);
  // log(1 + f) = f - f^2/2 + s (f^2/2 + z L(z))
  Value tail = mul(s, madd(z, OF_POLYNOMIAL(log, z), half));
  Value low = madd(e, real(wide ? 1.90821492927058770002e-10 : -2.12194440054690583e-4), tail);
  Value sum = sub(f, sub(half, low));
  Value result = madd(e, real(wide ? 6.93147180369123816490e-01 : 355.0 / 512), sum);
  result = select(equal(x, inf()), x, result);
  result = select(equal(x, real(0)), neg(inf()), result);
  Value ordered = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGE, x, real(0));
  return select(ordered, result, nan());
}

// Small: x + x^3 T(x^2). Else 1 - 2 / (e^2x + 1), which loses nothing there.
Value Formula::tanh(Value x) const {
  Value a = abs(x), z = mul(x, x);
  Value small = madd(mul(x, z), OF_POLYNOMIAL(tanhSmall, z), x);
  Value e = exp(add(a, a));
  Value large = sub(real(1), div(real(2), add(e, real(1))));
  return select(less(a, real(0.62)), small, withSignOf(large, x));
}

// |x| < 1: x + x E(x^2). Else 1 - e^-L(|x|) with L = -log erfc; 1 to the last bit from where L's
// interval ends.
Value Formula::erf(Value x) const {
  Value a = abs(x), z = mul(x, x);
  Value small = madd(x, OF_POLYNOMIAL(erfSmall, z), x);
  double end = wide ? 6 : 4;
  Value inside = clamp(a, 1, end);
  Value u = mul(sub(inside, real(1)), real(1 / (end - 1)));
  Value l = OF_POLYNOMIAL(erfLarge, u);
  Value large = sub(real(1), exp(neg(l)));
  return select(less(a, real(1)), small, withSignOf(large, x));
}

// x = n pi/2 + r with pi/2 in three parts, r in two words; then sine or cosine of r by the
// quadrant. f32 is done in f64, where the reduction is exact enough for all numbers that occur.
Value Formula::sine(Value x, bool cosine) const {
  if (!wide) {
    Formula inner(b, loc, b.getF64Type(), fma);
    Value y = inner.sine(arith::ExtFOp::create(b, loc, b.getF64Type(), x), cosine);
    return arith::TruncFOp::create(b, loc, type, y);
  }
  Value n, count = nearest(mul(x, real(0.63661977236758134308)), n);
  Value first = sub(x, mul(count, real(0x1.921fb544p+0)));
  Value second = mul(count, real(0x1.0b4611a6p-34));
  Value r = sub(first, second);
  Value error = sub(sub(first, r), second);
  Value third = sub(mul(count, real(0x1.3198a2e037073p-69)), error);
  Value y = sub(r, third);
  Value low = sub(sub(r, y), third);
  Value z = mul(y, y);
  // sin(y + low) = y + y z S(z) + low, cos(y + low) = 1 - z/2 + z^2 C(z) - y low
  Value s = add(y, madd(mul(y, z), polynomial(coefficients::sinF64, z), low));
  Value halfZ = mul(real(0.5), z), head = sub(real(1), halfZ);
  Value rest = sub(sub(real(1), head), halfZ);
  Value c =
      add(head, add(rest, sub(mul(mul(z, z), polynomial(coefficients::cosF64, z)), mul(y, low))));
  Value quadrant = cosine ? addI(n, integer(1)) : n;
  Value value = select(isZero(andI(quadrant, 1)), s, c);
  value = select(isZero(andI(quadrant, 2)), value, neg(value));
  // sin(-0) = -0, and infinities have none.
  if (!cosine)
    value = select(equal(x, real(0)), x, value);
  return select(less(abs(x), inf()), value, nan());
}

// |x| to at most tan(pi/8) by atan x = pi/4 + atan((x - 1) / (x + 1)) = pi/2 - atan(1/x), the
// angles in two parts; then t + t^3 A(t^2).
Value Formula::atan(Value x) const {
  Value a = abs(x), one = real(1);
  Value isLarge = less(real(2.414213562373095), a), isMiddle = less(real(0.41421356237309503), a);
  Value top = select(isLarge, real(-1), select(isMiddle, sub(a, one), a));
  Value bottom = select(isLarge, a, select(isMiddle, add(a, one), one));
  Value t = div(top, bottom), z = mul(t, t);
  auto angle = [&](double half, double quarter) {
    return select(isLarge, real(half), select(isMiddle, real(quarter), real(0)));
  };
  Value low = wide ? angle(6.123233995736766e-17, 3.061616997868383e-17)
                   : angle(-4.371139000186241e-08, -2.1855695000931205e-08);
  Value high = wide ? angle(0x1.921fb54442d18p+0, 0x1.921fb54442d18p-1)
                    : angle(0x1.921fb6p+0, 0x1.921fb6p-1);
  Value rest = madd(mul(t, z), OF_POLYNOMIAL(atan, z), low);
  return withSignOf(add(high, add(rest, t)), x);
}

// (e^x - 1) = 2 t / (1 - t) with t = tanh(x / 2) where e^x is near 1.
Value Formula::expm1(Value x) const {
  Value half = mul(real(0.5), x), z = mul(half, half);
  Value t = madd(mul(half, z), OF_POLYNOMIAL(tanhSmall, z), half);
  Value small = div(add(t, t), sub(real(1), t));
  return select(less(abs(x), real(1)), small, sub(exp(x), real(1)));
}

// log(1 + x) = log(u) x / (u - 1) with u = 1 + x as it rounds (W. Kahan).
Value Formula::log1p(Value x) const {
  Value u = add(real(1), x), rounded = sub(u, real(1));
  Value y = mul(log(u), div(x, rounded));
  y = select(equal(u, inf()), u, y);
  return select(equal(rounded, real(0)), x, y);
}

/// The expansion of an op, or null if it has none (and needs one).
Value expand(Operation *op, const Formula &f, ValueRange x) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](math::ExpOp) { return f.exp(x[0]); })
      .Case([&](math::LogOp) { return f.log(x[0]); })
      .Case([&](math::TanhOp) { return f.tanh(x[0]); })
      .Case([&](math::ErfOp) { return f.erf(x[0]); })
      .Case([&](math::ErfcOp) { return f.sub(f.real(1), f.erf(x[0])); })
      .Case([&](math::SinOp) { return f.sine(x[0], false); })
      .Case([&](math::CosOp) { return f.sine(x[0], true); })
      .Case([&](math::AtanOp) { return f.atan(x[0]); })
      .Case([&](math::TanOp) { return f.div(f.sine(x[0], false), f.sine(x[0], true)); })
      .Case([&](math::ExpM1Op) { return f.expm1(x[0]); })
      .Case([&](math::Log1pOp) { return f.log1p(x[0]); })
      .Case([&](math::RsqrtOp) { return f.div(f.real(1), math::SqrtOp::create(f.b, f.loc, x[0])); })
      .Default([](Operation *) { return Value(); });
}

/// Ops that LLVM has instructions or short sequences for on every isa.
bool isNative(Operation *op, bool fma) {
  if (isa<math::FmaOp>(op))
    return fma;
  return isa<math::AbsFOp, math::AbsIOp, math::SqrtOp, math::FloorOp, math::CeilOp, math::TruncOp,
             math::RoundEvenOp, math::CopySignOp, math::CountLeadingZerosOp,
             math::CountTrailingZerosOp, math::CtPopOp, math::IsFiniteOp, math::IsInfOp,
             math::IsNaNOp>(op);
}

LogicalResult expandOne(Operation *op, bool fma) {
  OpBuilder b(op);
  Location loc = op->getLoc();
  Type type = op->getResult(0).getType();
  if (auto madd = dyn_cast<math::FmaOp>(op)) {
    Value product = arith::MulFOp::create(b, loc, madd.getA(), madd.getB());
    op->getResult(0).replaceAllUsesWith(arith::AddFOp::create(b, loc, product, madd.getC()));
    return op->erase(), success();
  }
  auto floating = dyn_cast<FloatType>(type);
  if (!floating || floating.getWidth() > 64)
    return op->emitOpError("works on ") << type << ", for which code generation has no expansion";
  bool narrow = floating.getWidth() < 32;
  Type compute = narrow ? b.getF32Type() : type;
  SmallVector<Value> operands(op->getOperands());
  if (narrow)
    for (Value &x : operands)
      x = arith::ExtFOp::create(b, loc, compute, x);
  Value result = expand(op, Formula(b, loc, compute, fma), operands);
  if (!result)
    return op->emitOpError(
        "has no expansion without libm; write it with exp, log, tanh, erf, sin, cos, atan or sqrt");
  if (narrow)
    result = arith::TruncFOp::create(b, loc, type, result);
  op->getResult(0).replaceAllUsesWith(result);
  op->erase();
  return success();
}

} // namespace

LogicalResult expandMath(Operation *root, bool fma) {
  SmallVector<Operation *> found;
  root->walk([&](Operation *op) {
    if (isa_and_nonnull<math::MathDialect>(op->getDialect()) && !isNative(op, fma))
      found.push_back(op);
  });
  for (Operation *op : found)
    if (failed(expandOne(op, fma)))
      return failure();
  return success();
}

} // namespace of
