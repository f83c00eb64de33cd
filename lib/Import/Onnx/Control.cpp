// Ops that have graphs: what is chosen or repeated is known now, so the graphs are written out.
//
//   Loop, 3 turns   body(0, x) ─▶ body(1, ·) ─▶ body(2, ·) ─▶ x      what each turn gives: stacked
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

using namespace mlir;

namespace of::onnx {

static constexpr int64_t kMostTurns = 1024;

// A condition that is known now chooses a branch; the other is not looked at.
static void branch(NodeContext &n) {
  std::optional<double> condition = n.has(0) ? n.knownNumber(n.in(0)) : std::nullopt;
  if (n.hasFailed())
    return;
  if (!condition)
    return (void)n.fail("has a condition that is computed from data");
  const GraphProto *chosen = n.graph(*condition != 0 ? "then_branch" : "else_branch");
  if (!chosen)
    return (void)n.fail("has no such branch");
  SmallVector<Value> results;
  if (failed(n.lowerBranch(*chosen, {}, results)))
    return;
  for (auto [i, value] : llvm::enumerate(results))
    n.set(i, value);
}

// ---- Turns
// ---------------------------------------------------------------------------------------

namespace {
/// A graph that runs in turns: values go from each to the next, others are collected.
class Turns {
public:
  /// Null body after an error. `extra`: results before the values that are carried on.
  Turns(NodeContext &n, size_t extra, SmallVector<Value> carried)
      : n(n), body(n.graph("body")), extra(extra), carried(std::move(carried)) {
    if (!body)
      n.fail("has no body");
    else if (body->outputs.size() < extra + this->carried.size())
      n.fail("has a body that gives fewer values than it carries on");
    else
      collected.resize(body->outputs.size() - extra - this->carried.size());
  }

  /// One more turn; `first`: arguments before those carried on, `last`: behind them.
  bool run(ArrayRef<Value> first, ArrayRef<Value> last) {
    if (n.hasFailed())
      return false;
    if (count == kMostTurns)
      return bool(n.fail("takes more than " + Twine(kMostTurns) + " turns, which are written out"));
    SmallVector<Value> arguments(first), results;
    llvm::append_range(arguments, carried);
    llvm::append_range(arguments, last);
    if (failed(n.lowerBranch(*body, arguments, results, count)))
      return false;
    ++count;
    heads.assign(results.begin(), results.begin() + extra);
    carried.assign(results.begin() + extra, results.begin() + extra + carried.size());
    for (auto [list, value] :
         llvm::zip(collected, llvm::drop_begin(results, extra + carried.size())))
      list.push_back(value);
    return true;
  }

  NodeContext &n;
  const GraphProto *body;
  size_t extra;
  int64_t count = 0;
  SmallVector<Value> heads, carried;
  SmallVector<SmallVector<Value>> collected;
};
} // namespace

static Value scalar(NodeContext &n, Type type, int64_t value) {
  return n.splat(RankedTensorType::get({}, type), value);
}

// Results of a loop: what was carried, then lists along `axes` (0 where left out).
static void setResults(NodeContext &n, Turns &turns, const Ints &axes, const Ints &reversed) {
  size_t output = 0;
  for (Value value : turns.carried)
    n.set(output++, value);
  for (auto [i, list] : llvm::enumerate(turns.collected)) {
    if (!n.wants(output++))
      continue;
    if (list.empty())
      return (void)n.fail("takes no turn, so that it is not known what its lists are of");
    if (i < reversed.size() && reversed[i])
      std::reverse(list.begin(), list.end());
    if (llvm::any_of(list, [](Value v) { return NodeContext::isSequence(v); }))
      return (void)n.fail("collects sequences of tensors");
    const int64_t axis = i < axes.size() ? n.axis(axes[i], n.rank(list[0]) + 1) : 0;
    n.set(output - 1, n.hasFailed() ? Value() : n.stack(list, axis));
  }
}

static void loop(NodeContext &n) {
  std::optional<double> most, goesOn = 1;
  if (n.has(0) && !(most = n.knownNumber(n.in(0))))
    return (void)n.fail("has a trip count that is computed from data");
  if (n.has(1) && !(goesOn = n.knownNumber(n.in(1))))
    return (void)n.fail("has a condition that is computed from data");
  SmallVector<Value> carried;
  for (unsigned i = 2; i < n.numInputs(); ++i)
    carried.push_back(n.any(i));
  Turns turns(n, 1, carried);
  while (!n.hasFailed() && *goesOn != 0 && !(most && turns.count >= *most)) {
    Value turn = scalar(n, n.b.getI64Type(), turns.count), on = scalar(n, n.b.getI1Type(), 1);
    if (!turns.run({turn, on}, {}))
      return;
    if (n.has(1) && !(goesOn = n.knownNumber(turns.heads[0])))
      return (void)n.fail("goes on or not by a condition that is computed from data");
  }
  if (!n.hasFailed())
    setResults(n, turns, {}, {});
}

// Part `turn` of x along an axis, without it.
static Value partOf(NodeContext &n, Value x, int64_t axis, int64_t turn) {
  Ints shape(n.shape(x));
  shape.erase(shape.begin() + axis);
  return n.reshape(n.sliceDim(x, axis, turn, 1), shape);
}

static void scan(NodeContext &n) {
  const int64_t inputs = n.numInputs(), lists = n.integer("num_scan_inputs", 0);
  const Ints axes = n.integers("scan_input_axes").value_or(Ints()),
             reversed = n.integers("scan_input_directions").value_or(Ints());
  if (lists < 1 || lists > inputs)
    return (void)n.fail("has " + Twine(lists) + " lists among " + Twine(inputs) + " inputs");
  const int64_t states = inputs - lists;
  SmallVector<Value> carried, from;
  Ints along;
  for (int64_t i = 0; i < states; ++i)
    carried.push_back(n.any(i));
  for (int64_t i = 0; i < lists && !n.hasFailed(); ++i) {
    from.push_back(n.in(states + i));
    if (from.back())
      along.push_back(
          n.axis(i < static_cast<int64_t>(axes.size()) ? axes[i] : 0, n.rank(from.back())));
  }
  Turns turns(n, 0, carried);
  const int64_t count = n.hasFailed() ? 0 : n.shape(from[0])[along[0]];
  while (!n.hasFailed() && turns.count < count) {
    SmallVector<Value> parts;
    for (auto [i, x, axis] : llvm::enumerate(from, along)) {
      if (n.shape(x)[axis] != count)
        return (void)n.fail("goes along lists of different lengths");
      const bool isReversed = i < reversed.size() && reversed[i];
      parts.push_back(partOf(n, x, axis, isReversed ? count - 1 - turns.count : turns.count));
    }
    turns.run({}, parts);
  }
  if (!n.hasFailed())
    setResults(n, turns, n.integers("scan_output_axes").value_or(Ints()),
               n.integers("scan_output_directions").value_or(Ints()));
}

// A graph for each tensor of a sequence; other inputs are sequences as long, or tensors for all.
static void sequenceMap(NodeContext &n) {
  std::optional<SmallVector<Value>> first = n.sequence(0);
  if (!first)
    return;
  Turns turns(n, 0, {});
  while (!n.hasFailed() && turns.count < static_cast<int64_t>(first->size())) {
    SmallVector<Value> arguments;
    for (unsigned i = 0; i < n.numInputs(); ++i) {
      Value given = n.any(i);
      if (!given)
        return;
      if (!NodeContext::isSequence(given)) {
        arguments.push_back(given);
        continue;
      }
      SmallVector<Value> tensors = *n.sequence(i);
      if (tensors.size() != first->size())
        return (void)n.fail("goes along sequences of different lengths");
      arguments.push_back(tensors[turns.count]);
    }
    turns.run({}, arguments);
  }
  for (auto [i, list] : llvm::enumerate(turns.collected))
    n.set(i, n.asSequence(list));
}

llvm::ArrayRef<OpEntry> controlOps() {
  static constexpr OpEntry table[] = {
      {"If", 1, branch},
      {"Loop", 1, loop},
      {"Scan", 9, scan},
      {"SequenceMap", 17, sequenceMap},
  };
  return table;
}

} // namespace of::onnx
