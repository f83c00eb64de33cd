// Einstein's sums over one or two tensors: what is in one alone is summed first, the rest is a
// batched product.
#include "lib/Import/Onnx/Import.h"
#include "lib/Import/Onnx/OpTable.h"

using namespace mlir;

namespace of::onnx {

namespace {
/// A tensor and the letter of each of its dims.
struct Lettered {
  Value value;
  std::string letters;
  bool has(char c) const { return letters.find(c) != std::string::npos; }
  int64_t size(char c) const { return NodeContext::shape(value)[letters.find(c)]; }
};
} // namespace

static void sumOut(NodeContext &n, Lettered &x, function_ref<bool(char)> stays) {
  Ints dims;
  std::string kept;
  for (auto [i, c] : llvm::enumerate(x.letters))
    stays(c) ? void(kept.push_back(c)) : void(dims.push_back(i));
  if (dims.empty())
    return;
  x = {n.sum(x.value, dims, false), kept};
}

static void order(NodeContext &n, Lettered &x, const std::string &wanted) {
  Ints permutation;
  for (char c : wanted)
    permutation.push_back(x.letters.find(c));
  x = {n.transpose(x.value, permutation), wanted};
}

static Lettered multiply(NodeContext &n, Lettered x, Lettered y, const std::string &out) {
  std::string batch, inner, left, right;
  for (char c : x.letters)
    (y.has(c) ? out.find(c) != std::string::npos ? batch : inner : left).push_back(c);
  for (char c : y.letters)
    if (!x.has(c))
      right.push_back(c);
  Ints shape;
  auto product = [&](const Lettered &t, const std::string &letters) {
    int64_t size = 1;
    for (char c : letters)
      size *= t.size(c);
    return size;
  };
  for (char c : batch + inner)
    if (x.size(c) != y.size(c)) {
      n.fail("has two sizes for '" + Twine(c) + "'");
      return {};
    }
  for (char c : batch + left)
    shape.push_back(x.size(c));
  for (char c : right)
    shape.push_back(y.size(c));
  int64_t b = product(x, batch), m = product(x, left), k = product(x, inner), w = product(y, right);
  order(n, x, batch + left + inner);
  order(n, y, batch + inner + right);
  Value z = n.make<MatmulOp>({n.reshape(x.value, {b, m, k}), n.reshape(y.value, {b, k, w})});
  return {z ? n.reshape(z, shape) : Value(), batch + left + right};
}

// "ij,jk->ik" as its parts; spaces mean nothing, and what appears once is the result if none is
// given.
static bool parse(StringRef text, SmallVectorImpl<std::string> &inputs, std::string &out) {
  std::string plain;
  for (char c : text)
    if (c != ' ')
      plain.push_back(c);
  auto [left, right] = StringRef(plain).split("->");
  SmallVector<StringRef> parts;
  left.split(parts, ',');
  std::string all;
  for (StringRef part : parts) {
    inputs.push_back(part.str());
    all += part;
  }
  out = right.str();
  llvm::sort(all);
  if (!StringRef(plain).contains("->"))
    for (char c : all)
      if (llvm::count(all, c) == 1)
        out.push_back(c);
  return llvm::all_of(all + out, [](char c) { return llvm::isAlpha(c); });
}

static void einsum(NodeContext &n) {
  SmallVector<Value> values = n.allInputs();
  SmallVector<std::string> inputs;
  std::string out;
  StringRef equation = n.text("equation", "");
  if (n.hasFailed())
    return;
  if (!parse(equation, inputs, out) || inputs.size() != values.size() || values.size() > 2)
    return (void)n.fail("has equation '" + equation +
                        "'; those of one or two tensors without '...' are understood");
  SmallVector<Lettered> tensors;
  for (auto [value, letters] : llvm::zip(values, inputs)) {
    std::string sorted = letters;
    llvm::sort(sorted);
    if (static_cast<int64_t>(letters.size()) != n.rank(value) ||
        std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
      return (void)n.fail("has letters '" + letters + "' for a tensor of " + Twine(n.rank(value)) +
                          " dims; each dim needs one of its own");
    tensors.push_back({value, letters});
  }
  for (size_t i = 0; i < tensors.size(); ++i)
    sumOut(n, tensors[i], [&](char c) {
      return out.find(c) != std::string::npos || (tensors.size() == 2 && tensors[1 - i].has(c));
    });
  Lettered result = tensors[0];
  if (tensors.size() == 2 && !n.hasFailed())
    result = multiply(n, tensors[0], tensors[1], out);
  std::string sorted = out, have = result.letters;
  llvm::sort(sorted);
  llvm::sort(have);
  if (n.hasFailed() || sorted != have)
    return (void)n.fail("has a result '" + out + "' of letters that its inputs have not");
  order(n, result, out);
  n.set(0, result.value);
}

llvm::ArrayRef<OpEntry> einsumOps() {
  static constexpr OpEntry table[] = {{"Einsum", 12, einsum}};
  return table;
}

} // namespace of::onnx
