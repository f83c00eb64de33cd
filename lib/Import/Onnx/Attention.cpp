// Attention, and the rotation that tells it places.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace of::onnx {

// ---- Heads
// ---------------------------------------------------------------------------------------

// [n, length, heads * width] as [n, heads, length, width].
static Value apart(NodeContext &n, Value x, int64_t heads) {
  if (!x || n.rank(x) == 4)
    return x;
  if (n.rank(x) != 3 || heads < 1 || n.shape(x)[2] % heads)
    return n.fail("needs tensors [n, heads, length, width], or [n, length, heads * width] and the "
                  "number of heads");
  const Ints shape{n.shape(x)[0], n.shape(x)[1], heads, n.shape(x)[2] / heads};
  return n.transpose(n.reshape(x, shape), {0, 2, 1, 3});
}

static Value together(NodeContext &n, Value x) {
  x = n.transpose(x, {0, 2, 1, 3});
  return x ? n.reshape(x, {n.shape(x)[0], n.shape(x)[1], n.shape(x)[2] * n.shape(x)[3]}) : x;
}

// Each head as often as queries share it (Ainslie et al. 2023).
static Value shared(NodeContext &n, Value x, int64_t heads) {
  const Ints shape(n.shape(x));
  if (shape[1] == heads)
    return x;
  if (shape[1] == 0 || heads % shape[1])
    return n.fail("has " + Twine(heads) + " heads of queries, which do not divide among " +
                  Twine(shape[1]) + " of keys");
  Value each = n.reshape(x, {shape[0], shape[1], 1, shape[2], shape[3]});
  each = n.broadcast(each, {shape[0], shape[1], heads / shape[1], shape[2], shape[3]});
  return n.reshape(each, {shape[0], heads, shape[2], shape[3]});
}

// ---- Attention
// -----------------------------------------------------------------------------------

static constexpr double kNever = -std::numeric_limits<double>::infinity();

// A mask for fewer keys than there are hides the others.
static Value masked(NodeContext &n, Value scores, Value mask) {
  if (!scores || !mask)
    return {};
  const bool isChoice = n.element(mask).isInteger(1);
  if (n.rank(mask) < 2 || n.rank(mask) > 4 || n.shape(mask).back() > n.shape(scores)[3] ||
      (!isChoice && n.element(mask) != n.element(scores)))
    return n.fail("has a mask that is neither of bools nor of its own elements, or does not fit "
                  "[n, heads, queries, keys]");
  Ints none(n.rank(mask), 0), behind = none;
  behind.back() = n.shape(scores)[3] - n.shape(mask).back();
  mask = n.pad(mask, none, behind, {}, isChoice ? 0 : kNever);
  return isChoice ? n.select(mask, scores, n.like(scores, kNever)) : n.add(scores, mask);
}

static Value causal(NodeContext &n, Value scores) {
  Value sees = n.hasFailed() ? Value() : whereDiagonal(n, n.shape(scores).take_back(2), "le", 0);
  return n.select(sees, scores, n.like(scores, kNever));
}

static Value behindPast(NodeContext &n, unsigned past, Value x) {
  return n.has(past) ? n.concat({n.in(past), x}, 2) : x;
}

static void checkAttention(NodeContext &n) {
  const bool isCausal = n.integer("is_causal", 0);
  if (n.has(6))
    n.fail("has lengths of keys that depend on data, which nothing here takes");
  if (n.has(4) != n.has(5))
    n.fail("has past keys or past values without the others");
  if (n.has(4) && isCausal)
    n.fail("is causal and has past keys: versions of ONNX differ in what may be seen then; give a "
           "mask");
  if (n.number("softcap", 0) != 0 && (n.has(3) || isCausal))
    n.fail("has a softcap and a mask: versions of ONNX differ in which comes first");
  if (n.hasAttr("softmax_precision"))
    n.fail("has a softmax_precision; softmax has the precision of its input here");
  if (n.wants(3) && n.integer("qk_matmul_output_mode", 0) != 0)
    n.fail("gives scores of qk_matmul_output_mode " + Twine(n.integer("qk_matmul_output_mode", 0)) +
           ", whose meaning differs between versions of ONNX");
}

// softmax(q k^T scale + mask) v (Vaswani et al. 2017).
static void attention(NodeContext &n) {
  Value given = n.in(0), k = n.in(1), v = n.in(2);
  checkAttention(n);
  Value q = apart(n, given, n.integer("q_num_heads", 0));
  k = apart(n, k, n.integer("kv_num_heads", 0));
  v = apart(n, v, n.integer("kv_num_heads", 0));
  if (!q || !k || !v || n.hasFailed())
    return;
  k = behindPast(n, 4, k);
  v = behindPast(n, 5, v);
  n.set(1, k);
  n.set(2, v);
  if (n.hasFailed())
    return;
  const int64_t heads = n.shape(q)[1];
  const double scale = n.number("scale", 0), width = static_cast<double>(n.shape(q)[3]);
  Value scores = n.make<MatmulOp>({q, shared(n, k, heads)}, n.flag("transpose_rhs"));
  scores = n.mul(scores, scale != 0 ? scale : 1 / std::sqrt(width));
  n.set(3, scores);
  if (const double most = n.number("softcap", 0); most != 0)
    scores = n.mul(n.make<TanhOp>(n.mul(scores, 1 / most)), most);
  if (n.has(3))
    scores = masked(n, scores, n.in(3));
  if (n.integer("is_causal", 0))
    scores = causal(n, scores);
  Value shares = n.make<SoftmaxOp>(scores, n.named("dim", int64_t(3)));
  Value y = n.make<MatmulOp>({shares, shared(n, v, heads)});
  n.set(0, n.rank(given) == 3 ? together(n, y) : y);
}

// ---- Rotation
// ------------------------------------------------------------------------------------

// Cosines or sines of places as [n, 1, length, width]: rows of a table, or all there.
static Value atPlaces(NodeContext &n, unsigned input, ArrayRef<int64_t> shape) {
  Value table = n.in(input);
  if (table && n.has(3))
    table = n.make<EmbeddingOp>({table, n.in(3)});
  if (!table || n.shape(table) != ArrayRef<int64_t>{shape[0], shape[2], shape[3]})
    return n.fail("has cosines or sines that do not fit [n, length, width / 2]");
  return n.reshape(table, {shape[0], 1, shape[2], shape[3]});
}

// Pairs of elements turned by an angle for each place (Su et al. 2021).
static void rotaryEmbedding(NodeContext &n) {
  Value given = n.in(0), x = apart(n, given, n.integer("num_heads", 0));
  if (!x)
    return;
  const int64_t width = n.shape(x)[3], some = n.integer("rotary_embedding_dim", 0);
  const int64_t turned = some ? some : width, half = turned / 2;
  if (turned < 2 || turned > width || turned % 2)
    return (void)n.fail("turns " + Twine(turned) + " elements of a width of " + Twine(width));
  Ints shape(n.shape(x));
  shape[3] = half;
  Value cosine = atPlaces(n, 1, shape), sine = atPlaces(n, 2, shape);
  const bool interleaved = n.integer("interleaved", 0);
  auto part = [&](int64_t which) {
    return interleaved ? n.slice(x, {0, 0, 0, which}, shape, {1, 1, 1, 2})
                       : n.sliceDim(x, 3, which * half, half);
  };
  if (n.hasFailed())
    return;
  cosine = n.broadcast(cosine, shape);
  sine = n.broadcast(sine, shape);
  Value first = n.sub(n.mul(part(0), cosine), n.mul(part(1), sine));
  Value second = n.add(n.mul(part(0), sine), n.mul(part(1), cosine));
  shape[3] = turned;
  Value y =
      interleaved ? n.reshape(n.stack({first, second}, 4), shape) : n.concat({first, second}, 3);
  if (turned < width)
    y = n.concat({y, n.sliceDim(x, 3, turned, width - turned)}, 3);
  n.set(0, n.rank(given) == 3 ? together(n, y) : y);
}

llvm::ArrayRef<OpEntry> attentionOps() {
  static constexpr OpEntry table[] = {
      {"Attention", 23, attention},
      {"RotaryEmbedding", 23, rotaryEmbedding},
  };
  return table;
}

} // namespace of::onnx
