// Recurrent layers, step after step: the sequence has a known length.
//
//   x W^T for all steps in one product; then for each step h R^T, gates, state.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

using namespace mlir;

namespace of::onnx {

static constexpr int64_t kMostSteps = 1024;

namespace {

/// One direction of a layer.
struct Direction {
  Value x;             ///< x W^T + b of all steps, [steps, rows, gates H]
  Value r;             ///< [gates H, H]
  Value recurrentBias; ///< [gates H], where it must be apart
  Value peephole;      ///< [3 H] or nothing
  Value h, c;          ///< [rows, H]
  bool isReversed = false;
};

/// What a kind of layer has: its gates, and how a step follows from the one before.
struct Kind {
  int64_t gates;
  bool hasCell, biasApart;
  void (*step)(NodeContext &n, Direction &d, Value x);
};

} // namespace

static Value activation(NodeContext &n, Value x, StringRef name) {
  if (name.equals_insensitive("sigmoid"))
    return n.make<SigmoidOp>(x);
  if (name.equals_insensitive("tanh"))
    return n.make<TanhOp>(x);
  if (name.equals_insensitive("relu"))
    return n.make<ReluOp>(x);
  return n.fail("has activation '" + name + "'; there are Sigmoid, Tanh and Relu");
}

// Activation i of the layer; the same in both directions.
static Value act(NodeContext &n, Value x, unsigned i, StringRef otherwise) {
  const AttributeProto *names = n.node.find("activations");
  return activation(n, x, names && i < names->strings.size() ? names->strings[i] : otherwise);
}

static Value part(NodeContext &n, Value v, int64_t i, int64_t width) {
  return v ? n.sliceDim(v, n.rank(v) - 1, i * width, width) : Value();
}

static Value timesTransposed(NodeContext &n, Value x, Value w) {
  return n.make<MatmulOp>({x, w}, n.flag("transpose_rhs"));
}

// ---- Steps
// ---------------------------------------------------------------------------------------

static void stepRnn(NodeContext &n, Direction &d, Value x) {
  d.h = act(n, n.add(x, timesTransposed(n, d.h, d.r)), 0, "Tanh");
}

// Hochreiter & Schmidhuber 1997, with Gers' peepholes; gates i, o, f, c.
static void stepLstm(NodeContext &n, Direction &d, Value x) {
  Value gates = n.add(x, timesTransposed(n, d.h, d.r));
  if (!gates)
    return;
  const int64_t width = n.shape(d.h)[1];
  auto gate = [&](int64_t i, int64_t peep, Value cell) {
    Value v = part(n, gates, i, width);
    return d.peephole ? n.add(v, n.mul(part(n, d.peephole, peep, width), cell)) : v;
  };
  Value in = act(n, gate(0, 0, d.c), 0, "Sigmoid"), forget = act(n, gate(2, 2, d.c), 0, "Sigmoid");
  Value fresh = act(n, part(n, gates, 3, width), 1, "Tanh");
  d.c = n.add(n.mul(forget, d.c), n.mul(in, fresh));
  Value out = act(n, gate(1, 1, d.c), 0, "Sigmoid");
  d.h = n.mul(out, act(n, d.c, 2, "Tanh"));
}

// Cho et al. 2014; gates z, r, h.
static void stepGru(NodeContext &n, Direction &d, Value x) {
  const int64_t width = n.shape(d.h)[1];
  Value rz = n.sliceDim(d.r, 0, 0, 2 * width), rh = n.sliceDim(d.r, 0, 2 * width, width);
  Value recurrent = timesTransposed(n, d.h, rz);
  if (d.recurrentBias)
    recurrent = n.add(recurrent, n.sliceDim(d.recurrentBias, 0, 0, 2 * width));
  auto gate = [&](int64_t i) {
    return act(n, n.add(part(n, x, i, width), part(n, recurrent, i, width)), 0, "Sigmoid");
  };
  Value z = gate(0), r = gate(1), last = part(n, d.recurrentBias, 2, width), inner;
  if (n.integer("linear_before_reset", 0)) {
    inner = timesTransposed(n, d.h, rh);
    inner = n.mul(r, last ? n.add(inner, last) : inner);
  } else {
    inner = timesTransposed(n, n.mul(r, d.h), rh);
    inner = last ? n.add(inner, last) : inner;
  }
  Value fresh = act(n, n.add(part(n, x, 2, width), inner), 1, "Tanh");
  d.h = n.add(n.mul(n.sub(n.like(z, 1), z), fresh), n.mul(z, d.h));
}

// ---- Layers
// --------------------------------------------------------------------------------------

// Entry i along the first dim, without it.
static Value at(NodeContext &n, Value v, int64_t i) {
  if (!v)
    return {};
  return n.reshape(n.sliceDim(v, 0, i, 1), n.shape(v).drop_front());
}

static Value optional(NodeContext &n, unsigned i) { return n.has(i) ? n.in(i) : Value(); }

static Direction directionOf(NodeContext &n, const Kind &kind, Value x, int64_t i, int64_t width) {
  Direction d;
  Value w = at(n, n.in(1), i), bias = at(n, optional(n, 3), i);
  d.r = at(n, n.in(2), i);
  d.peephole = kind.hasCell ? at(n, optional(n, 7), i) : Value();
  d.h = at(n, optional(n, 5), i);
  d.c = kind.hasCell ? at(n, optional(n, 6), i) : Value();
  Value zero = n.splat(RankedTensorType::get({n.shape(x)[1], width}, n.element(x)), 0);
  d.h = d.h ? d.h : zero;
  d.c = d.c ? d.c : zero;
  const int64_t all = kind.gates * width;
  d.x = timesTransposed(n, x, w);
  if (bias) {
    Value own = n.sliceDim(bias, 0, 0, all), other = n.sliceDim(bias, 0, all, all);
    d.x = n.add(d.x, kind.biasApart ? own : n.add(own, other));
    d.recurrentBias = kind.biasApart ? other : Value();
  }
  return d;
}

static bool fits(NodeContext &n, const Kind &kind, Value x, int64_t directions, int64_t width) {
  if (!x || n.rank(x) != 3 || width < 1 || width > (1 << 24))
    return bool(n.fail("needs an input of 3 dims and a hidden_size"));
  bool isWhole = true; // every sequence has all steps
  if (DenseElementsAttr lengths = n.has(4) ? n.known(n.in(4)) : DenseElementsAttr(); n.has(4))
    isWhole = lengths && isa<IntegerType>(lengths.getElementType()) &&
              llvm::all_of(lengths.getValues<APInt>(), [&](const APInt &length) {
                return length.getSExtValue() == n.shape(x)[0];
              });
  if (!isWhole || n.hasAttr("clip") || n.integer("input_forget", 0))
    return bool(n.fail("has sequences of several lengths, clip or input_forget"));
  const int64_t rows = n.shape(x)[1], all = kind.gates * width;
  auto is = [&](unsigned i, ArrayRef<int64_t> shape) {
    Value v = optional(n, i);
    return n.has(i) ? v && n.shape(v) == shape : i > 2;
  };
  if (!is(1, {directions, all, n.shape(x)[2]}) || !is(2, {directions, all, width}) ||
      !is(3, {directions, 2 * all}))
    return bool(n.fail("has weights that do not fit its input and hidden_size"));
  const bool isBatchFirst = n.integer("layout", 0);
  Ints state = isBatchFirst ? Ints{rows, directions, width} : Ints{directions, rows, width};
  if (!is(5, state) || (kind.hasCell && (!is(6, state) || !is(7, {directions, 3 * width}))))
    return bool(n.fail("has first states that do not fit its input and hidden_size"));
  if (isBatchFirst && (n.has(5) || (kind.hasCell && n.has(6))))
    return bool(n.fail("has first states with layout = 1"));
  return n.shape(x)[0] <= kMostSteps ||
         bool(n.fail("has " + Twine(n.shape(x)[0]) + " steps; up to " + Twine(kMostSteps) +
                     " are written out"));
}

// [directions, rows, H] of all directions.
static Value joined(NodeContext &n, ArrayRef<Value> parts, int64_t dim) {
  SmallVector<Value> out;
  for (Value v : parts) {
    if (!v)
      return {};
    Ints shape(n.shape(v));
    shape.insert(shape.begin() + dim, 1);
    out.push_back(n.reshape(v, shape));
  }
  return n.concat(out, dim);
}

static void recur(NodeContext &n, const Kind &kind) {
  const bool isBatchFirst = n.integer("layout", 0);
  Value x = n.in(0);
  if (x && n.rank(x) == 3 && isBatchFirst)
    x = n.transpose(x, {1, 0, 2});
  StringRef way = n.text("direction", "forward");
  const int64_t directions = way == "bidirectional" ? 2 : 1, width = n.integer("hidden_size", 0);
  if (n.hasFailed() || !fits(n, kind, x, directions, width))
    return;
  SmallVector<Value> sequences, lastH, lastC;
  for (int64_t i = 0; i < directions && !n.hasFailed(); ++i) {
    Direction d = directionOf(n, kind, x, i, width);
    d.isReversed = i == 1 || way == "reverse";
    const int64_t steps = n.shape(x)[0];
    SmallVector<Value> states(steps);
    for (int64_t t = 0; t < steps && !n.hasFailed(); ++t) {
      const int64_t place = d.isReversed ? steps - 1 - t : t;
      kind.step(n, d, at(n, d.x, place));
      states[place] = d.h;
    }
    sequences.push_back(n.hasFailed() ? Value() : joined(n, states, 0));
    lastH.push_back(d.h);
    lastC.push_back(d.c);
  }
  if (n.hasFailed())
    return;
  // [steps, directions, rows, H], or [rows, steps, directions, H]
  Value y = joined(n, sequences, 1), h = joined(n, lastH, 0);
  Value c = kind.hasCell ? joined(n, lastC, 0) : Value();
  if (isBatchFirst) {
    y = n.transpose(y, {2, 0, 1, 3});
    h = n.transpose(h, {1, 0, 2});
    c = c ? n.transpose(c, {1, 0, 2}) : c;
  }
  n.set(0, y);
  n.set(1, h);
  if (kind.hasCell)
    n.set(2, c);
}

static void rnn(NodeContext &n) { recur(n, {1, false, false, stepRnn}); }
static void lstm(NodeContext &n) { recur(n, {4, true, false, stepLstm}); }
static void gru(NodeContext &n) { recur(n, {3, false, true, stepGru}); }

llvm::ArrayRef<OpEntry> recurrentOps() {
  static constexpr OpEntry table[] = {
      {"GRU", 7, gru},
      {"LSTM", 7, lstm},
      {"RNN", 7, rnn},
  };
  return table;
}

} // namespace of::onnx
