// Normalisations as short programs. Variances are means of squared distances from the mean: two
// reductions, of which none loses digits where the mean is far from 0.
#include "dialects/Of/Formula.h"

using namespace mlir;

namespace of {

static Type computeType(Value x) {
  Type type = tensorType(x).getElementType();
  return type.getIntOrFloatBitWidth() < 32 ? Float32Type::get(x.getContext()) : type;
}

namespace {
struct Moments {
  Value centered, mean, variance; ///< mean and variance with their dims kept
};
} // namespace

static Moments momentsOf(Formula f, Value x, ArrayRef<int64_t> dims) {
  Moments m;
  m.mean = f.mean(x, dims, true);
  m.centered = f.sub(x, m.mean);
  m.variance = f.mean(f.square(m.centered), dims, true);
  return m;
}

static Value normalized(Formula f, Value centered, Value variance, double epsilon) {
  return f.mul(centered, f.rsqrt(f.add(variance, epsilon)));
}

static LogicalResult checkVectors(std::optional<Location> loc, StringRef op, Value input,
                                  int64_t channels, ValueRange vectors) {
  if (!isa<FloatType>(tensorType(input).getElementType()))
    return emitOptionalError(loc, op, ": normalises floats, not ", input.getType());
  for (Value vector : vectors) {
    auto type = tensorType(vector);
    if (type.getRank() != 1 || (type.getDimSize(0) != channels && !type.isDynamicDim(0)) ||
        !isa<FloatType>(type.getElementType()))
      return emitOptionalError(loc, op, ": needs vectors of ", channels,
                               " floats, one for each channel, got ", type);
  }
  return success();
}

// ---- batch_norm ------------------------------------------------------------------------------

LogicalResult BatchNormOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor a,
                                            SmallVectorImpl<Type> &types) {
  auto input = tensorType(a.getInput());
  int64_t dim = a.getDim();
  if (dim < 0 || dim >= input.getRank())
    return emitOptionalError(loc, getOperationName(), ": the input has no dim ", dim, ": ", input);
  if (failed(checkVectors(loc, getOperationName(), a.getInput(), input.getDimSize(dim),
                          {a.getScale(), a.getBias(), a.getRunningMean(), a.getRunningVariance()})))
    return failure();
  types.push_back(withoutDist(input));
  types.push_back(withoutDist(a.getRunningMean().getType()));
  types.push_back(withoutDist(a.getRunningVariance().getType()));
  return success();
}

void BatchNormOp::setTrainingMode(bool training) { setTraining(training); }

SmallVector<RunningState> BatchNormOp::getRunningStates() {
  double momentum = getMomentum().convertToDouble();
  return {{3, 1, momentum}, {4, 2, momentum}};
}

LogicalResult BatchNormOp::decompose(OpBuilder &b, SmallVectorImpl<Value> &results) {
  Formula f(b, getLoc());
  auto input = tensorType(getInput());
  Type compute = computeType(getInput());
  Value x = f.cast(getInput(), compute);
  SmallVector<int64_t> dims, column(input.getRank(), 1);
  double count = 1;
  for (int64_t dim = 0; dim < input.getRank(); ++dim)
    if (dim != static_cast<int64_t>(getDim())) {
      dims.push_back(dim);
      count *= input.getDimSize(dim);
    }
  column[getDim()] = input.getDimSize(getDim());
  auto perChannel = [&](Value v) { return f.reshape(f.cast(v, compute), column); };
  Moments m;
  if (getTraining()) {
    m = momentsOf(f, x, dims);
  } else {
    m.centered = f.sub(x, perChannel(getRunningMean()));
    m.variance = perChannel(getRunningVariance());
  }
  Value y = normalized(f, m.centered, m.variance, getEpsilon().convertToDouble());
  y = f.add(f.mul(y, perChannel(getScale())), perChannel(getBias()));
  results.push_back(f.cast(y, input.getElementType()));
  if (!getTraining()) {
    results.append(2, Value());
    return success();
  }
  // Nothing learns through the running statistics. One value has no spread: its variance is 0.
  auto followed = [&](Value v, Value state) {
    Value vector = f.reshape(StopGradientOp::create(b, getLoc(), v), tensorType(state).getShape());
    return f.cast(vector, tensorType(state).getElementType());
  };
  results.push_back(followed(m.mean, getRunningMean()));
  results.push_back(
      followed(f.mul(m.variance, count / std::max(count - 1, 1.0)), getRunningVariance()));
  return success();
}

// ---- layer_norm, group_norm ------------------------------------------------------------------

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor a,
                                            SmallVectorImpl<Type> &types) {
  auto input = tensorType(a.getInput());
  int64_t rank = input.getRank(), dim = static_cast<int64_t>(a.getDim());
  if (dim < -rank || dim >= rank)
    return emitOptionalError(loc, getOperationName(), ": the input has no dim ", dim, ": ", input);
  if (!isa<FloatType>(input.getElementType()))
    return emitOptionalError(loc, getOperationName(), ": normalises floats, not ", input);
  ArrayRef<int64_t> shape = input.getShape().drop_front(dim < 0 ? dim + rank : dim);
  for (Value v : {a.getScale(), a.getBias()}) {
    if (!v)
      continue;
    auto type = tensorType(v);
    bool fits = type.getRank() <= static_cast<int64_t>(shape.size());
    for (int64_t i = 0; fits && i < type.getRank(); ++i) {
      int64_t size = type.getDimSize(i);
      fits = size == 1 || size == shape[shape.size() - type.getRank() + i];
    }
    if (!fits)
      return emitOptionalError(loc, getOperationName(), ": ", type,
                               " does not broadcast to the normalised dims of ", input);
  }
  types.push_back(withoutDist(input));
  return success();
}

LogicalResult LayerNormOp::decompose(OpBuilder &b, SmallVectorImpl<Value> &results) {
  Formula f(b, getLoc());
  auto input = tensorType(getInput());
  int64_t rank = input.getRank(), dim = static_cast<int64_t>(getDim());
  auto dims = llvm::to_vector(llvm::seq<int64_t>(dim < 0 ? dim + rank : dim, rank));
  Type compute = computeType(getInput());
  Moments m = momentsOf(f, f.cast(getInput(), compute), dims);
  Value y = normalized(f, m.centered, m.variance, getEpsilon().convertToDouble());
  y = f.mul(y, f.cast(getScale(), compute));
  if (getBias())
    y = f.add(y, f.cast(getBias(), compute));
  results.push_back(f.cast(y, input.getElementType()));
  return success();
}

LogicalResult GroupNormOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor a,
                                            SmallVectorImpl<Type> &types) {
  auto input = tensorType(a.getInput());
  int64_t groups = a.getGroups();
  if (input.getRank() < 2 || groups < 1 || input.getDimSize(1) % groups)
    return emitOptionalError(loc, getOperationName(), ": the channels (dim 1) of ", input,
                             " do not divide into ", groups, " groups");
  if (failed(checkVectors(loc, getOperationName(), a.getInput(), input.getDimSize(1),
                          {a.getScale(), a.getBias()})))
    return failure();
  types.push_back(withoutDist(input));
  return success();
}

LogicalResult GroupNormOp::decompose(OpBuilder &b, SmallVectorImpl<Value> &results) {
  Formula f(b, getLoc());
  auto input = tensorType(getInput());
  ArrayRef<int64_t> shape = input.getShape();
  Type compute = computeType(getInput());
  int64_t groups = getGroups(), inside = shape[1] / groups;
  SmallVector<int64_t> grouped{shape[0], groups, inside}, column(input.getRank(), 1);
  grouped.append(shape.begin() + 2, shape.end());
  column[1] = shape[1];
  auto dims = llvm::to_vector(llvm::seq<int64_t>(2, grouped.size()));
  Moments m = momentsOf(f, f.reshape(f.cast(getInput(), compute), grouped), dims);
  Value y = normalized(f, m.centered, m.variance, getEpsilon().convertToDouble());
  y = f.mul(f.reshape(y, shape), f.reshape(f.cast(getScale(), compute), column));
  y = f.add(y, f.reshape(f.cast(getBias(), compute), column));
  results.push_back(f.cast(y, input.getElementType()));
  return success();
}

} // namespace of
