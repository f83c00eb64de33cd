// Recurrent layers, step after step: the sequence has a known length.
//
//   x W^T for all steps in one product; then for each step h R^T, gates, state.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/Known.h"
#include "lib/Import/Onnx/OpTable.h"

using namespace mlir;

namespace of::onnx {

static constexpr int64_t kMostSteps = 1024;

namespace {

/// One direction of a layer.
struct Direction {
  size_t firstActivation; ///< in the node's list, which has those of all directions
  Value x;                ///< x W^T + b of all steps, [steps, rows, gates H]
  Value r;                ///< [gates H, H]
  Value recurrentBias;    ///< [gates H], where it must be apart
  Value peephole;         ///< [3 H] or nothing
  Value h, c;             ///< [rows, H]
  Value lengths;          ///< [rows, 1]: steps of each row, or nothing where it has all
  bool isReversed = false;
};

/// What a kind of layer has: its gates, and how a step follows from the one before.
struct Kind {
  int64_t gates, activations;
  bool hasCell, biasApart;
  void (*step)(NodeContext &n, Direction &d, Value x);
};

} // namespace

// Entry i of a list of numbers, or what ONNX says where it is left out.
static double listed(NodeContext &n, StringRef name, size_t i, double otherwise) {
  const AttributeProto *list = n.node.find(name);
  return list && i < list->floats.size() ? list->floats[i] : otherwise;
}

// Activation i of the node's list, with its own alpha and beta.
static Value activation(NodeContext &n, Value x, StringRef name, size_t i) {
  auto alpha = [&](double otherwise) { return listed(n, "activation_alpha", i, otherwise); };
  auto beta = [&](double otherwise) { return listed(n, "activation_beta", i, otherwise); };
  auto is = [&](StringRef other) { return name.equals_insensitive(other); };
  if (is("sigmoid"))
    return n.make<SigmoidOp>(x);
  if (is("tanh"))
    return n.make<TanhOp>(x);
  if (is("relu"))
    return n.make<ReluOp>(x);
  if (is("affine"))
    return n.add(n.mul(x, alpha(1)), beta(0));
  if (is("leakyrelu"))
    return n.make<LeakyReluOp>(x, n.named("alpha", alpha(0.01)));
  if (is("thresholdedrelu"))
    return n.select(n.compare("gt", x, n.like(x, alpha(1))), x, n.like(x, 0));
  if (is("scaledtanh"))
    return n.mul(n.make<TanhOp>(n.mul(x, beta(1))), alpha(1));
  if (is("hardsigmoid"))
    return n.make<HardSigmoidOp>(x, {n.named("alpha", alpha(0.2)), n.named("beta", beta(0.5))});
  if (is("elu"))
    return n.make<EluOp>(x, n.named("alpha", alpha(1)));
  if (is("softsign"))
    return n.div(x, n.add(n.make<AbsOp>(x), 1.0));
  if (is("softplus"))
    return n.make<SoftplusOp>(x);
  return n.fail("has activation '" + name + "', which ONNX does not know");
}

// Activation i of a direction, of what `clip` bounds.
static Value act(NodeContext &n, const Direction &d, Value x, unsigned i, StringRef otherwise) {
  if (n.hasAttr("clip")) {
    const double most = n.number("clip", 0);
    x = n.make<ClipOp>(x, {n.named("min", -most), n.named("max", most)});
  }
  const AttributeProto *names = n.node.find("activations");
  const size_t at = d.firstActivation + i;
  return activation(n, x, names && at < names->strings.size() ? names->strings[at] : otherwise, at);
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
  d.h = act(n, d, n.add(x, timesTransposed(n, d.h, d.r)), 0, "Tanh");
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
  Value in = act(n, d, gate(0, 0, d.c), 0, "Sigmoid"),
        forget = act(n, d, gate(2, 2, d.c), 0, "Sigmoid");
  Value fresh = act(n, d, part(n, gates, 3, width), 1, "Tanh");
  d.c = n.add(n.mul(forget, d.c), n.mul(in, fresh));
  Value out = act(n, d, gate(1, 1, d.c), 0, "Sigmoid");
  d.h = n.mul(out, act(n, d, d.c, 2, "Tanh"));
}

// Cho et al. 2014; gates z, r, h.
static void stepGru(NodeContext &n, Direction &d, Value x) {
  const int64_t width = n.shape(d.h)[1];
  Value rz = n.sliceDim(d.r, 0, 0, 2 * width), rh = n.sliceDim(d.r, 0, 2 * width, width);
  Value recurrent = timesTransposed(n, d.h, rz);
  if (d.recurrentBias)
    recurrent = n.add(recurrent, n.sliceDim(d.recurrentBias, 0, 0, 2 * width));
  auto gate = [&](int64_t i) {
    return act(n, d, n.add(part(n, x, i, width), part(n, recurrent, i, width)), 0, "Sigmoid");
  };
  Value z = gate(0), r = gate(1), last = part(n, d.recurrentBias, 2, width), inner;
  if (n.integer("linear_before_reset", 0)) {
    inner = timesTransposed(n, d.h, rh);
    inner = n.mul(r, last ? n.add(inner, last) : inner);
  } else {
    inner = timesTransposed(n, n.mul(r, d.h), rh);
    inner = last ? n.add(inner, last) : inner;
  }
  Value fresh = act(n, d, n.add(part(n, x, 2, width), inner), 1, "Tanh");
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

// First states [directions, rows, H], which layout 1 has rows first.
static Value firstStates(NodeContext &n, unsigned i, bool isBatchFirst) {
  Value states = optional(n, i);
  return states && isBatchFirst ? n.transpose(states, {1, 0, 2}) : states;
}

// The steps of each row, or nothing if they are known to be all.
static Value lengthsOf(NodeContext &n, int64_t steps) {
  Value lengths = optional(n, 4);
  DenseElementsAttr known = lengths ? n.known(lengths) : DenseElementsAttr();
  if (!lengths || (known && everyInt(known, [&](const APInt &length) {
                     return length.getSExtValue() == steps;
                   })))
    return {};
  return n.reshape(lengths, {n.shape(lengths)[0], 1});
}

// A step of rows that are not over yet; the others keep their state and give 0.
static Value stepWithin(NodeContext &n, const Kind &kind, Direction &d, Value x, int64_t place) {
  const Value h = d.h, c = d.c;
  kind.step(n, d, x);
  if (!d.lengths)
    return d.h;
  Value goesOn = n.compare("gt", d.lengths, n.like(d.lengths, place)), made = d.h;
  d.h = n.select(goesOn, d.h, h);
  d.c = kind.hasCell ? n.select(goesOn, d.c, c) : d.c;
  return n.select(goesOn, made, n.like(made, 0));
}

static Direction directionOf(NodeContext &n, const Kind &kind, Value x, int64_t i, int64_t width) {
  Direction d;
  d.firstActivation = i * kind.activations;
  Value w = at(n, n.in(1), i), bias = at(n, optional(n, 3), i);
  d.r = at(n, n.in(2), i);
  d.peephole = kind.hasCell ? at(n, optional(n, 7), i) : Value();
  const bool isBatchFirst = n.integer("layout", 0);
  d.h = at(n, firstStates(n, 5, isBatchFirst), i);
  d.c = kind.hasCell ? at(n, firstStates(n, 6, isBatchFirst), i) : Value();
  d.lengths = lengthsOf(n, n.shape(x)[0]);
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
  if (n.integer("input_forget", 0))
    return bool(n.fail("couples its input and forget gates (input_forget)"));
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
  if (n.has(4) && (!n.in(4) || n.shape(n.in(4)) != ArrayRef<int64_t>{rows} ||
                   !isa<IntegerType>(n.element(n.in(4)))))
    return bool(n.fail("has sequence_lens that are no integer for each row"));
  return n.shape(x)[0] <= kMostSteps ||
         bool(n.fail("has " + Twine(n.shape(x)[0]) + " steps; up to " + Twine(kMostSteps) +
                     " are written out"));
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
      states[place] = stepWithin(n, kind, d, at(n, d.x, place), place);
    }
    sequences.push_back(n.hasFailed() ? Value() : n.stack(states, 0));
    lastH.push_back(d.h);
    lastC.push_back(d.c);
  }
  if (n.hasFailed())
    return;
  // [steps, directions, rows, H], or [rows, steps, directions, H]
  Value y = n.stack(sequences, 1), h = n.stack(lastH, 0);
  Value c = kind.hasCell ? n.stack(lastC, 0) : Value();
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

static void rnn(NodeContext &n) { recur(n, {1, 1, false, false, stepRnn}); }
static void lstm(NodeContext &n) { recur(n, {4, 3, true, false, stepLstm}); }
static void gru(NodeContext &n) { recur(n, {3, 2, false, true, stepGru}); }

llvm::ArrayRef<OpEntry> recurrentOps() {
  static constexpr OpEntry table[] = {
      {"GRU", 7, gru},
      {"LSTM", 7, lstm},
      {"RNN", 7, rnn},
  };
  return table;
}

} // namespace of::onnx
