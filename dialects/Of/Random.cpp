// Philox in `arith`, word by word as runtime/base/Philox.h has it, and the values made of its
// words.
#include "dialects/Of/Build.h"
#include "runtime/base/Philox.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <array>

using namespace mlir;

namespace of {

namespace {

/// Integer arithmetic at one point.
class Words {
public:
  Words(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  Value i32(uint32_t v) const {
    return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(static_cast<int32_t>(v)));
  }
  Value i64(int64_t v) const { return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(v)); }
  Value low(Value v) const { return arith::TruncIOp::create(b, loc, b.getI32Type(), v); }
  Value high(Value v) const { return low(arith::ShRUIOp::create(b, loc, v, i64(32))); }
  Value wide(Value v) const { return arith::ExtUIOp::create(b, loc, b.getI64Type(), v); }
  Value sum(Value x, Value y) const { return arith::AddIOp::create(b, loc, x, y); }
  Value exclusiveOr(Value x, Value y) const { return arith::XOrIOp::create(b, loc, x, y); }
  Value product(Value word, uint32_t multiplier) const {
    return arith::MulIOp::create(b, loc, wide(word), i64(multiplier));
  }

  std::array<Value, 4> philox(std::array<Value, 4> c, std::array<Value, 2> k) const {
    for (int round = 0; round < philoxRounds; ++round) {
      Value p0 = product(c[0], philoxMultiplier0), p1 = product(c[2], philoxMultiplier1);
      c = {exclusiveOr(exclusiveOr(high(p1), c[1]), k[0]), low(p1),
           exclusiveOr(exclusiveOr(high(p0), c[3]), k[1]), low(p0)};
      k = {sum(k[0], i32(philoxWeyl0)), sum(k[1], i32(philoxWeyl1))};
    }
    return c;
  }

  /// The top `bits` bits of a word of `width` bits, times 2^-bits.
  Value uniform(Value word, unsigned width, unsigned bits, Type type) const {
    Value shift = width == 64 ? i64(width - bits) : i32(width - bits);
    // Fewer bits than the word has: the value is not negative, and the signed conversion is an
    // instruction on every isa.
    Value integer = arith::ShRUIOp::create(b, loc, word, shift);
    Value real = arith::SIToFPOp::create(b, loc, type, integer);
    Value unit = arith::ConstantOp::create(
        b, loc, b.getFloatAttr(type, std::ldexp(1.0, -static_cast<int>(bits))));
    return arith::MulFOp::create(b, loc, real, unit);
  }

private:
  OpBuilder &b;
  Location loc;
};

/// What one random op computes at a point.
class Draw {
public:
  Draw(OpBuilder &b, Location loc, FloatType type) : b(b), loc(loc), words(b, loc), type(type) {
    compute = type.getWidth() < 32 ? b.getF32Type() : type;
    bits = type.getFPMantissaWidth();
    isDouble = type.getWidth() == 64;
  }

  /// `key`: the words of a PhiloxKey, the first one low.
  void block(Value step, Value key, Value index) {
    block_ = words.philox({words.low(index), words.high(index), words.low(step), words.high(step)},
                          {words.low(key), words.high(key)});
  }
  /// The n-th uniform value of the block, n < 2, before it is rounded to a narrow type (exactly).
  Value uniform(unsigned n) const {
    if (!isDouble)
      return words.uniform(block_[n], 32, bits, compute);
    Value top = arith::ShLIOp::create(b, loc, words.wide(block_[2 * n + 1]), words.i64(32));
    Value word = arith::OrIOp::create(b, loc, top, words.wide(block_[2 * n]));
    return words.uniform(word, 64, bits, compute);
  }
  Value normal() const {
    Value u = arith::SubFOp::create(b, loc, real(1), uniform(0)); // in (0, 1]
    Value square = arith::MulFOp::create(b, loc, real(-2), math::LogOp::create(b, loc, u));
    Value angle = arith::MulFOp::create(b, loc, real(6.283185307179586), uniform(1));
    return arith::MulFOp::create(b, loc, math::SqrtOp::create(b, loc, square),
                                 math::CosOp::create(b, loc, angle));
  }
  Value rounded(Value v) const {
    return compute == type ? v : arith::TruncFOp::create(b, loc, type, v).getResult();
  }

private:
  Value real(double v) const {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(compute, v));
  }
  OpBuilder &b;
  Location loc;
  Words words;
  FloatType type, compute;
  bool isDouble;
  unsigned bits; ///< of precision
  std::array<Value, 4> block_;
};

} // namespace

Value PointContext::number(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIntOp::create(b, loc, value, 64);
}

static Value indexInStep(OpBuilder &b, Location loc, PointContext &point, bool perMicro) {
  Words words(b, loc);
  ArrayRef<int64_t> shape = point.logicalShape();
  auto asI64 = [&](Value v) { return arith::IndexCastOp::create(b, loc, b.getI64Type(), v); };
  Value index = perMicro ? asI64(point.microIndex(b)).getResult() : words.i64(0);
  for (auto [dim, size] : llvm::enumerate(shape)) {
    index = arith::MulIOp::create(b, loc, index, words.i64(size));
    index = arith::AddIOp::create(b, loc, index, asI64(point.globalIndex(b, dim)));
  }
  return index;
}

template <typename Op> static Draw drawOf(Op op, OpBuilder &b, Value step, PointContext &point) {
  Draw draw(b, op.getLoc(), cast<FloatType>(tensorType(op.getResult()).getElementType()));
  const PhiloxKey key = philoxKey(op.getSeed(), op.getId());
  const auto words = static_cast<int64_t>(static_cast<uint64_t>(key[1]) << 32 | key[0]);
  draw.block(step, point.number(b, op.getLoc(), words),
             indexInStep(b, op.getLoc(), point, op.getPerMicro()));
  return draw;
}

static LogicalResult verifyRandom(Operation *op, Value step, int64_t id) {
  auto type = tensorType(step);
  if (type.getRank() != 0 || !type.getElementType().isInteger(64))
    return op->emitOpError() << "takes the step as a scalar tensor<i64>, got " << type;
  if (!isa<FloatType>(tensorType(op->getResult(0)).getElementType()))
    return op->emitOpError() << "draws floats, not "
                             << tensorType(op->getResult(0)).getElementType();
  if (id < 0 || id > UINT32_MAX)
    return op->emitOpError() << "has id " << id << "; ids have 32 bits";
  return success();
}

// About six integer operations a word and round; Box-Muller adds log, cos and sqrt.
static constexpr double philoxFlops = 6 * 2 * philoxRounds, normalFlops = philoxFlops + 60;

#define OF_RANDOM_OP(Op, VALUE, FLOPS)                                                             \
  LogicalResult Op::verify() { return verifyRandom(*this, getStep(), getId()); }                   \
  ShardingRule Op::getShardingRule() { return pointwiseRule(*this); }                              \
  int64_t Op::getRandomId() { return getId(); }                                                    \
  void Op::setRandomId(int64_t id) { setId(id); }                                                  \
  void Op::setRandomStep(int64_t seed, Value step) {                                               \
    setSeed(seed);                                                                                 \
    getStepMutable().assign(step);                                                                 \
  }                                                                                                \
  double Op::getFlops(ArrayRef<RankedTensorType>, ArrayRef<RankedTensorType> results) {            \
    return FLOPS * results[0].getNumElements();                                                    \
  }                                                                                                \
  Value Op::buildScalar(OpBuilder &b, ValueRange operands, PointContext &point) {                  \
    Draw draw = drawOf(*this, b, operands[0], point);                                              \
    return draw.rounded(VALUE);                                                                    \
  }

OF_RANDOM_OP(RandomUniformOp, draw.uniform(0), philoxFlops)
OF_RANDOM_OP(RandomNormalOp, draw.normal(), normalFlops)

} // namespace of
