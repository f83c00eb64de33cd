#include "test/of/Splits.h"

#include "dialects/Of/Build.h"

#include <cmath>

using namespace mlir;

namespace of::test {

// ---- Preparation
// ---------------------------------------------------------------------------------

// The op without names of values: equal ops behave alike.
static std::string keyOf(Operation *op) {
  std::string key;
  llvm::raw_string_ostream stream(key);
  stream << op->getName() << ' ' << op->getAttrDictionary() << ' ' << op->getOperandTypes()
         << " -> " << op->getResultTypes();
  return key;
}

static Type distributed(Type type, MeshAttr mesh, Sbp sbp) {
  return withDist(type, DistAttr::get(type.getContext(), mesh, {sbp}));
}

// Parts of every split dim have elements, and even splits are even. Bools are never partial.
static bool fits(Operation *op, const Signature &s, int64_t parts) {
  auto valueFits = [&](Value value, Sbp sbp) {
    auto type = tensorType(value);
    if (sbp.isPartial())
      return !type.getElementType().isInteger(1);
    return !sbp.isSplit() || type.getDimSize(sbp.dim) >= parts;
  };
  for (auto [value, sbp] : llvm::zip(op->getOperands(), s.operands))
    if (!valueFits(value, sbp))
      return false;
  for (auto [value, sbp] : llvm::zip(op->getResults(), s.results))
    if (!valueFits(value, sbp))
      return false;
  if (!s.evenOnly)
    return true;
  auto rule = cast<ShardingOpInterface>(op).getShardingRule();
  return rule.factors[s.factor].size % parts == 0;
}

static LogicalResult addSplit(Operation *op, const Signature &s, int64_t parts, OpKernels &kernels,
                              std::vector<Split> &out) {
  MLIRContext *context = op->getContext();
  auto devices = llvm::to_vector(llvm::seq<int64_t>(0, parts));
  auto mesh = MeshAttr::get(context, "m", {StringAttr::get(context, "a")}, {parts}, devices);
  SmallVector<Type> operands, results;
  for (auto [value, sbp] : llvm::zip(op->getOperands(), s.operands))
    operands.push_back(distributed(value.getType(), mesh, sbp));
  for (auto [value, sbp] : llvm::zip(op->getResults(), s.results))
    results.push_back(distributed(value.getType(), mesh, sbp));
  Split split{op, s, mesh.placement(), {}};
  for (int64_t point = 0; point < parts; ++point) {
    auto kernel = kernels.add(op, operands, results, point);
    if (failed(kernel))
      return failure();
    split.kernels.push_back(*kernel);
  }
  out.push_back(std::move(split));
  return success();
}

LogicalResult addSplits(Operation *op, OpKernels &kernels, std::set<std::string> &seen,
                        std::vector<Split> &out) {
  if (!seen.insert(keyOf(op)).second)
    return success();
  SmallVector<Signature> signatures = signaturesOf(op);
  for (const Signature &s : ArrayRef(signatures).drop_front())
    for (int64_t parts : {2, 3})
      if (fits(op, s, parts) && failed(addSplit(op, s, parts, kernels, out)))
        return failure();
  return success();
}

// ---- Slices
// --------------------------------------------------------------------------------------

// Calls f(index in the whole, index in the part) for each element of a box.
static void forBox(const Shape &shape, const Box &box, function_ref<void(int64_t, int64_t)> f) {
  Shape part = box.shape();
  for (int64_t i = 0, n = box.elements(); i < n; ++i) {
    int64_t rest = i, whole = 0, stride = 1;
    for (size_t d = shape.size(); d-- > 0;) {
      whole += (box.dims[d].begin + rest % part[d]) * stride;
      rest /= part[d];
      stride *= shape[d];
    }
    f(whole, i);
  }
}

static Shape shapeOf(const Buffer &b) {
  return Shape(b.type.getShape().begin(), b.type.getShape().end());
}

static Buffer slice(const Buffer &whole, const Box &box) {
  Shape shape = box.shape();
  Buffer part = makeBuffer(RankedTensorType::get(shape, whole.type.getElementType()));
  forBox(shapeOf(whole), box, [&](int64_t from, int64_t to) { set(part, to, get(whole, from)); });
  return part;
}

// Random parts whose sum, maximum or minimum is the value.
static std::vector<Buffer> partials(const Buffer &whole, SbpKind kind, int64_t parts,
                                    std::mt19937_64 &random) {
  std::vector<Buffer> out(parts, whole);
  std::uniform_int_distribution<int64_t> owner(0, parts - 1), amount(1, 8);
  for (int64_t i = 0; i < whole.type.getNumElements(); ++i) {
    double value = get(whole, i), rest = value;
    int64_t mine = owner(random);
    for (int64_t p = 0; p < parts; ++p) {
      if (p == mine)
        continue;
      double step = amount(random);
      double part = kind == SbpKind::PartialSum   ? step - 4
                    : kind == SbpKind::PartialMax ? value - step
                                                  : value + step;
      rest -= part;
      set(out[p], i, part);
    }
    set(out[mine], i, kind == SbpKind::PartialSum ? rest : value);
  }
  return out;
}

static std::vector<Buffer> partsOf(const Buffer &whole, Sbp sbp, const Placement &placement,
                                   std::mt19937_64 &random) {
  int64_t parts = placement.size();
  if (sbp.isPartial())
    return partials(whole, sbp.kind, parts, random);
  std::vector<Buffer> out;
  for (int64_t point = 0; point < parts; ++point)
    out.push_back(slice(whole, boxAt(shapeOf(whole), {placement, {sbp}}, point)));
  return out;
}

// ---- Comparison
// ----------------------------------------------------------------------------------

// Largest difference between the whole and what the parts make of it, relative to its largest
// value.
static double difference(const Buffer &whole, const std::vector<Buffer> &parts, Sbp sbp,
                         const Placement &placement) {
  double error = 0, scale = 1e-300;
  auto compare = [&](double got, double want) {
    double d = std::abs(got - want);
    error = std::isnan(d) ? INFINITY : std::max(error, d);
  };
  for (int64_t i = 0; i < whole.type.getNumElements(); ++i)
    scale = std::max(scale, std::abs(get(whole, i)));
  if (sbp.isPartial()) {
    for (int64_t i = 0; i < whole.type.getNumElements(); ++i) {
      double sum = get(parts[0], i);
      for (const Buffer &part : ArrayRef(parts).drop_front()) {
        double x = get(part, i);
        sum = sbp.kind == SbpKind::PartialSum   ? sum + x
              : sbp.kind == SbpKind::PartialMax ? std::max(sum, x)
                                                : std::min(sum, x);
      }
      compare(sum, get(whole, i));
    }
    return error / std::max(scale, 1.0);
  }
  for (auto [point, part] : llvm::enumerate(parts))
    forBox(shapeOf(whole), boxAt(shapeOf(whole), {placement, {sbp}}, point),
           [&](int64_t from, int64_t to) { compare(get(part, to), get(whole, from)); });
  return error / scale;
}

std::string checkSplit(const Split &split, const OpKernels &kernels, const Values &values,
                       std::mt19937_64 &random, int64_t micro) {
  std::vector<std::vector<Buffer>> operands, results(split.op->getNumResults());
  for (auto [value, sbp] : llvm::zip(split.op->getOperands(), split.signature.operands))
    operands.push_back(partsOf(values.find(value)->second, sbp, split.placement, random));
  for (int64_t point = 0; point < split.placement.size(); ++point) {
    SmallVector<const Buffer *> local;
    for (const std::vector<Buffer> &parts : operands)
      local.push_back(&parts[point]);
    std::vector<Buffer> out = kernels.run(split.kernels[point], local, micro);
    for (auto [all, mine] : llvm::zip(results, out))
      all.push_back(std::move(mine));
  }
  std::string failures;
  llvm::raw_string_ostream stream(failures);
  for (auto [i, sbp] : llvm::enumerate(split.signature.results)) {
    double error =
        difference(values.find(split.op->getResult(i))->second, results[i], sbp, split.placement);
    if (!(error < 1e-11))
      stream << *split.op << ": in " << split.placement.size() << " parts as "
             << toString(NdSbp(split.signature.operands.begin(), split.signature.operands.end()))
             << " -> " << toString(sbp) << " it differs by " << error << "\n";
  }
  return failures;
}

} // namespace of::test
