// Elementwise ops: arithmetic, comparison, logic, activations.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

#include <cmath>

using namespace mlir;

namespace of::onnx {

// ---- One to one
// ----------------------------------------------------------------------------------

template <class Op> static void unary(NodeContext &n) { n.set(0, n.make<Op>(n.in(0))); }
// The same for ops that work on floats alone.
template <class Op> static void floats(NodeContext &n) {
  Value x = n.in(0);
  if (x && !n.isFloat(x))
    return (void)n.fail("works on floating-point numbers alone");
  n.set(0, n.make<Op>(x));
}
template <class Op> static void binary(NodeContext &n) { n.set(0, n.make<Op>({n.in(0), n.in(1)})); }

// Logic on bools, and on the bits of integers: the same ops here.
template <class Op, bool ofBits> static void logic(NodeContext &n) {
  SmallVector<Value> x = n.allInputs();
  for (Value v : x)
    if (v && (ofBits ? !isa<IntegerType>(n.element(v)) || n.element(v).isInteger(1)
                     : !n.element(v).isInteger(1)))
      return (void)n.fail(ofBits ? "works on integers alone" : "works on bools alone");
  n.set(0, n.make<Op>(x));
}

template <const char *predicate> static void compare(NodeContext &n) {
  n.set(0, n.compare(predicate, n.in(0), n.in(1)));
}
static constexpr char kEqual[] = "eq", kLess[] = "lt", kLessEqual[] = "le", kGreater[] = "gt",
                      kGreaterEqual[] = "ge";

// Any number of tensors, folded from the left.
template <class Op> static Value chain(NodeContext &n) {
  Value out;
  for (Value value : n.allInputs())
    out = out ? n.make<Op>({out, value}) : value;
  return out;
}
template <class Op> static void variadic(NodeContext &n) { n.set(0, chain<Op>(n)); }
static void mean(NodeContext &n) { n.set(0, n.mul(chain<AddOp>(n), 1.0 / n.numInputs())); }

// An op with one float attribute of the same name here and there.
template <class Op, const char *name> static void withNumber(NodeContext &n, double otherwise) {
  n.set(0, n.make<Op>(n.in(0), n.named(name, n.number(name, otherwise))));
}
static constexpr char kAlpha[] = "alpha";
static void leakyRelu(NodeContext &n) { withNumber<LeakyReluOp, kAlpha>(n, 0.01); }
static void elu(NodeContext &n) { withNumber<EluOp, kAlpha>(n, 1); }

static void selu(NodeContext &n) {
  n.set(0, n.make<SeluOp>(n.in(0), {n.named("alpha", n.number("alpha", 1.6732632423543772)),
                                    n.named("gamma", n.number("gamma", 1.0507009873554805))}));
}
static void hardSigmoid(NodeContext &n) {
  n.set(0, n.make<HardSigmoidOp>(n.in(0), {n.named("alpha", n.number("alpha", 0.2)),
                                           n.named("beta", n.number("beta", 0.5))}));
}
static void gelu(NodeContext &n) {
  n.set(0, n.make<GeluOp>(n.in(0), n.named("approximate", n.text("approximate", "none"))));
}

// ---- Powers and remainders
// -----------------------------------------------------------------------

static void power(NodeContext &n) {
  Value x = n.in(0), y = n.in(1);
  if (!x || !y)
    return;
  std::optional<double> exponent = n.knownNumber(y);
  bool keepsShape = n.rank(y) == 0 || (n.rank(y) <= n.rank(x) && n.type(y).getNumElements() == 1);
  if (exponent && keepsShape && n.isFloat(x)) {
    if (*exponent == 2)
      return n.set(0, n.make<SquareOp>(x));
    if (*exponent == 1)
      return n.set(0, x);
    if (*exponent == 0.5)
      return n.set(0, n.make<SqrtOp>(x));
    if (*exponent == -1)
      return n.set(0, n.make<ReciprocalOp>(x));
    return n.set(0, n.make<PowOp>({x, n.like(x, *exponent)}));
  }
  if (n.isFloat(x))
    return n.set(0, n.make<PowOp>({x, n.cast(y, n.element(x))}));
  // Integers are multiplied out.
  if (!exponent || !keepsShape || *exponent != std::floor(*exponent) || *exponent < 0 ||
      *exponent > 64)
    return (void)n.fail("raises integers to a power that is no known number from 0 to 64");
  Value out = n.broadcast(n.like(x, 1), n.shape(x));
  for (int i = 0; i < *exponent; ++i)
    out = n.mul(out, x);
  n.set(0, out);
}

static void remainder(NodeContext &n) {
  Value x = n.in(0), y = n.in(1);
  if (!x || !y)
    return;
  bool isTruncated = n.integer("fmod", 0);
  Value quotient = n.div(x, y);
  if (n.isFloat(x)) {
    if (!isTruncated)
      return (void)n.fail("takes a floating-point remainder without fmod = 1");
    Value magnitude = n.make<FloorOp>(n.make<AbsOp>(quotient));
    quotient = n.mul(n.make<SignOp>(quotient), magnitude);
  }
  Value rest = n.sub(x, n.mul(quotient, y));
  if (!isTruncated && rest) { // the sign of the divisor
    Value zero = n.like(rest, 0);
    Value differs = n.make<XorOp>({n.compare("lt", rest, zero), n.compare("lt", y, zero)});
    Value moves = n.make<AndOp>({differs, n.compare("ne", rest, zero)});
    rest = n.select(moves, n.add(rest, y), rest);
  }
  n.set(0, rest);
}

// ---- Written with others
// -------------------------------------------------------------------------

static Value half(NodeContext &n, Value x, bool plus) {
  Value up = n.make<ExpOp>(x), down = n.make<ExpOp>(n.make<NegOp>(x));
  return n.mul(plus ? n.add(up, down) : n.sub(up, down), 0.5);
}
static void sinh(NodeContext &n) { n.set(0, half(n, n.in(0), false)); }
static void cosh(NodeContext &n) { n.set(0, half(n, n.in(0), true)); }
// Twice the angle whose tangent is known without a difference of near numbers at 1.
static void asin(NodeContext &n) {
  Value x = n.in(0), cosine = n.make<SqrtOp>(n.mul(n.sub(n.like(x, 1), x), n.add(x, 1.0)));
  n.set(0, n.mul(n.make<AtanOp>(n.div(x, n.add(cosine, 1.0))), 2.0));
}
static void acos(NodeContext &n) {
  Value x = n.in(0), ratio = n.div(n.sub(n.like(x, 1), x), n.add(x, 1.0));
  n.set(0, n.mul(n.make<AtanOp>(n.make<SqrtOp>(ratio)), 2.0));
}
static void asinh(NodeContext &n) {
  Value x = n.in(0), a = n.make<AbsOp>(x);
  Value value = n.make<LogOp>(n.add(a, n.make<SqrtOp>(n.add(n.make<SquareOp>(a), 1.0))));
  n.set(0, n.mul(n.make<SignOp>(x), value));
}
static void acosh(NodeContext &n) {
  Value x = n.in(0);
  n.set(0, n.make<LogOp>(n.add(x, n.make<SqrtOp>(n.add(n.make<SquareOp>(x), -1.0)))));
}
static void atanh(NodeContext &n) {
  Value x = n.in(0);
  Value ratio = n.div(n.add(x, 1.0), n.sub(n.like(x, 1), x));
  n.set(0, n.mul(n.make<LogOp>(ratio), 0.5));
}
static void softsign(NodeContext &n) {
  Value x = n.in(0);
  n.set(0, n.div(x, n.add(n.make<AbsOp>(x), 1.0)));
}
static void celu(NodeContext &n) {
  double alpha = n.number("alpha", 1);
  n.set(0, n.mul(n.make<EluOp>(n.mul(n.in(0), 1 / alpha), n.named("alpha", 1.0)), alpha));
}
static void prelu(NodeContext &n) {
  Value x = n.in(0), slope = n.in(1);
  n.set(0, n.select(n.compare("lt", x, n.like(x, 0)), n.mul(x, slope), x));
}
static void thresholdedRelu(NodeContext &n) {
  Value x = n.in(0), zero = n.like(x, 0);
  n.set(0, n.select(n.compare("gt", x, n.like(x, n.number("alpha", 1))), x, zero));
}
static void shrink(NodeContext &n) {
  Value x = n.in(0);
  double lambda = n.number("lambd", 0.5), bias = n.number("bias", 0);
  Value above = n.select(n.compare("gt", x, n.like(x, lambda)), n.add(x, -bias), n.like(x, 0));
  n.set(0, n.select(n.compare("lt", x, n.like(x, -lambda)), n.add(x, bias), above));
}
static void isNan(NodeContext &n) {
  Value x = n.in(0);
  n.set(0, n.make<NotOp>(n.compare("eq", x, x)));
}
static void isInf(NodeContext &n) {
  Value x = n.in(0);
  const double infinity = std::numeric_limits<double>::infinity();
  Value up = n.compare("eq", x, n.like(x, infinity)),
        down = n.compare("eq", x, n.like(x, -infinity));
  if (!n.integer("detect_negative", 1))
    return n.set(0, up);
  n.set(0, n.integer("detect_positive", 1) ? n.make<OrOp>({up, down}) : down);
}

// A product with or a quotient by 2^y, which is put together from the bits of y.
static void bitShift(NodeContext &n) {
  Value x = n.in(0), y = n.in(1);
  StringRef direction = n.text("direction", "");
  if (!x || !y || !n.element(x).isUnsignedInteger() ||
      (direction != "LEFT" && direction != "RIGHT"))
    return (void)n.fail("shifts unsigned integers to the LEFT or RIGHT alone");
  const int64_t width = n.element(x).getIntOrFloatBitWidth();
  Value power = n.like(x, 1);
  for (int64_t bit = 1; bit < width; bit *= 2) {
    Value isSet = n.compare("ne", n.make<AndOp>({y, n.like(y, bit)}), n.like(y, 0));
    power = n.select(isSet, n.mul(power, n.like(x, int64_t(1) << bit)), power);
  }
  Value shifted = direction == "LEFT" ? n.mul(x, power) : n.div(x, power);
  n.set(0, n.select(n.compare("ge", y, n.like(y, width)), n.like(x, 0), shifted));
}

// A bound is a known number or a scalar that is computed.
static void clip(NodeContext &n) {
  Value x = n.in(0);
  SmallVector<NamedAttribute> bounds;
  for (unsigned i : {1u, 2u}) {
    StringRef name = i == 1 ? "min" : "max";
    if (n.opset < 11) {
      if (n.hasAttr(name))
        bounds.push_back(n.named(name, n.number(name, 0)));
      continue;
    }
    if (!n.has(i) || !x)
      continue;
    Value bound = n.in(i);
    if (bound && n.type(bound).getNumElements() != 1)
      return (void)n.fail("has a bound that is no scalar");
    if (std::optional<double> number = bound ? n.knownNumber(bound) : std::nullopt;
        number && n.isFloat(x))
      bounds.push_back(n.named(name, *number));
    else if (bound)
      x = i == 1 ? n.make<MaxOp>({x, bound}) : n.make<MinOp>({x, bound});
  }
  if (x && bounds.empty())
    return n.set(0, x);
  n.set(0, n.make<ClipOp>(x, bounds));
}

static void castTo(NodeContext &n) {
  int64_t code = n.integer("to", 0);
  Type to = elementTypeOf(code, n.b.getContext());
  if (!to)
    return (void)n.fail("converts to " + nameOfElementType(code) + ", which nothing here works on");
  Value x = n.in(0);
  if (x && to.isInteger(1) && !n.element(x).isInteger(1))
    return n.set(0, n.make<NotOp>(n.compare("eq", x, n.like(x, 0))));
  n.set(0, n.cast(x, to));
}
static void castLike(NodeContext &n) {
  Value x = n.in(0), other = n.in(1);
  n.set(0, x && other ? n.cast(x, n.element(other)) : Value());
}
static void where(NodeContext &n) { n.set(0, n.select(n.in(0), n.in(1), n.in(2))); }

// PyTorch merges parameters of equal values when it exports for evaluation; each comes back here.
static void identity(NodeContext &n) {
  Value x = n.any(0);
  Value own = x && !n.isInBranch() && !isMadeUp(n.node.outputs[0])
                  ? n.import.untie(x, n.node.outputs[0])
                  : Value();
  n.set(0, own ? own : x);
}

static void dropout(NodeContext &n) {
  Value x = n.in(0);
  double rate = n.number("ratio", 0.5);
  if (n.opset >= 12) {
    rate = 0.5;
    if (n.has(1)) {
      std::optional<double> ratio = n.knownNumber(n.in(1));
      if (!ratio)
        return (void)n.fail("has a ratio that is computed from data");
      rate = *ratio;
    }
  }
  if (rate == 0)
    return n.set(0, x);
  n.set(0, n.make<DropoutOp>(x, n.named("rate", rate)));
}

llvm::ArrayRef<OpEntry> elementwiseOps() {
  static constexpr OpEntry table[] = {
      {"Abs", 6, unary<AbsOp>},
      {"Acos", 7, acos},
      {"Acosh", 9, acosh},
      {"Add", 7, binary<AddOp>},
      {"And", 7, logic<AndOp, false>, kNoGradient},
      {"Asin", 7, asin},
      {"Asinh", 9, asinh},
      {"Atan", 7, floats<AtanOp>},
      {"Atanh", 9, atanh},
      {"BitShift", 11, bitShift, kNoGradient},
      {"BitwiseAnd", 18, logic<AndOp, true>, kNoGradient},
      {"BitwiseNot", 18, logic<NotOp, true>, kNoGradient},
      {"BitwiseOr", 18, logic<OrOp, true>, kNoGradient},
      {"BitwiseXor", 18, logic<XorOp, true>, kNoGradient},
      {"Cast", 6, castTo},
      {"CastLike", 15, castLike},
      {"Ceil", 6, floats<CeilOp>},
      {"Celu", 12, celu},
      {"Clip", 6, clip},
      {"Cos", 7, floats<CosOp>},
      {"Cosh", 9, cosh},
      {"Div", 7, binary<DivOp>},
      {"Dropout", 7, dropout},
      {"Elu", 6, elu},
      {"Equal", 7, compare<kEqual>, kNoGradient},
      {"Erf", 9, floats<ErfOp>},
      {"Exp", 6, floats<ExpOp>},
      {"Floor", 6, floats<FloorOp>},
      {"Gelu", 20, gelu},
      {"Greater", 7, compare<kGreater>, kNoGradient},
      {"GreaterOrEqual", 12, compare<kGreaterEqual>, kNoGradient},
      {"HardSigmoid", 6, hardSigmoid},
      {"HardSwish", 14, floats<HardSwishOp>},
      {"Identity", 1, identity},
      {"IsInf", 10, isInf, kNoGradient},
      {"IsNaN", 9, isNan, kNoGradient},
      {"LeakyRelu", 6, leakyRelu},
      {"Less", 7, compare<kLess>, kNoGradient},
      {"LessOrEqual", 12, compare<kLessEqual>, kNoGradient},
      {"Log", 6, floats<LogOp>},
      {"Max", 8, variadic<MaxOp>},
      {"Mean", 8, mean},
      {"Min", 8, variadic<MinOp>},
      {"Mish", 18, floats<MishOp>},
      {"Mod", 10, remainder},
      {"Mul", 7, binary<MulOp>},
      {"Neg", 6, unary<NegOp>},
      {"Not", 1, logic<NotOp, false>, kNoGradient},
      {"Or", 7, logic<OrOp, false>, kNoGradient},
      {"PRelu", 7, prelu},
      {"Pow", 7, power},
      {"Reciprocal", 6, floats<ReciprocalOp>},
      {"Relu", 6, unary<ReluOp>},
      {"Round", 11, floats<RoundOp>},
      {"Selu", 6, selu},
      {"Shrink", 9, shrink},
      {"Sigmoid", 6, floats<SigmoidOp>},
      {"Sign", 9, unary<SignOp>},
      {"Sin", 7, floats<SinOp>},
      {"Sinh", 9, sinh},
      {"Softplus", 1, floats<SoftplusOp>},
      {"Softsign", 1, softsign},
      {"Sqrt", 6, floats<SqrtOp>},
      {"Sub", 7, binary<SubOp>},
      {"Sum", 8, variadic<AddOp>},
      {"Tan", 7, floats<TanOp>},
      {"Tanh", 6, floats<TanhOp>},
      {"ThresholdedRelu", 10, thresholdedRelu},
      {"Where", 9, where},
      {"Xor", 7, logic<XorOp, false>, kNoGradient},
  };
  return table;
}

} // namespace of::onnx
