// Pooling: types, shardings, gradients. Their loops are in PoolingKernels.cpp.
#include "dialects/Of/Build.h"
#include "dialects/Of/Window.h"

using namespace mlir;

namespace of {

// ---- Types -----------------------------------------------------------------------------------

template <typename Adaptor>
static FailureOr<Window> windowOf(std::optional<Location> loc, StringRef op, Adaptor a) {
  FailureOr<Window> window = makeWindow(loc, op, a.getKernel(), a.getStrides(), a.getPads(),
                                        a.getDilations(), a.getCeilMode());
  if (failed(window) || failed(imageDims(loc, op, a.getLayout())))
    return failure();
  for (unsigned axis : {0u, 1u})
    if (std::max(window->before(axis), window->after(axis)) >=
        window->dilation[axis] * (window->size[axis] - 1) + 1)
      return (void)emitOptionalError(loc, op,
                                     ": padding is not smaller than the window, which "
                                     "could then lie in the padding alone"),
             failure();
  return window;
}

template <typename Adaptor>
static LogicalResult inferPool(std::optional<Location> loc, StringRef op, Adaptor a, Value input,
                               SmallVectorImpl<Type> &types) {
  FailureOr<Window> window = windowOf(loc, op, a);
  if (failed(window) || failed(checkImages(loc, op, input)))
    return failure();
  ImageDims d = imageDims(a.getLayout());
  auto x = tensorType(input);
  int64_t h = window->outputSize(x.getDimSize(d.h), 0),
          w = window->outputSize(x.getDimSize(d.w), 1);
  types.push_back(RankedTensorType::get(imageShape(d, x.getDimSize(d.n), x.getDimSize(d.c), h, w),
                                        x.getElementType()));
  return success();
}

static LogicalResult checkGradient(std::optional<Location> loc, StringRef op, Value grad,
                                   Type forward) {
  if (succeeded(verifyCompatibleShape(withoutDist(grad.getType()), withoutDist(forward))) &&
      getElementTypeOrSelf(grad.getType()) == getElementTypeOrSelf(forward))
    return success();
  return emitOptionalError(loc, op, ": the gradient is ", grad.getType(), ", the result ", forward);
}

LogicalResult MaxPool2dOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor a,
                                            SmallVectorImpl<Type> &types) {
  return inferPool(loc, getOperationName(), a, a.getInput(), types);
}
LogicalResult AvgPool2dOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor a,
                                            SmallVectorImpl<Type> &types) {
  return inferPool(loc, getOperationName(), a, a.getInput(), types);
}
LogicalResult MaxPool2dBackwardOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                                    Adaptor a, SmallVectorImpl<Type> &types) {
  SmallVector<Type> forward;
  if (failed(inferPool(loc, getOperationName(), a, a.getInput(), forward)) ||
      failed(checkGradient(loc, getOperationName(), a.getGrad(), forward[0])))
    return failure();
  types.push_back(withoutDist(a.getInput().getType()));
  return success();
}
LogicalResult AvgPool2dBackwardOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                                    Adaptor a, SmallVectorImpl<Type> &types) {
  StringRef op = getOperationName();
  FailureOr<Window> window = windowOf(loc, op, a);
  if (failed(window) || failed(checkImages(loc, op, a.getGrad())))
    return failure();
  ArrayRef<int64_t> size = a.getInputSize();
  if (size.size() != 2)
    return emitOptionalError(loc, op, ": input_size is [h, w]");
  ImageDims d = imageDims(a.getLayout());
  auto g = tensorType(a.getGrad());
  int64_t n = g.getDimSize(d.n), c = g.getDimSize(d.c);
  auto forward = RankedTensorType::get(
      imageShape(d, n, c, window->outputSize(size[0], 0), window->outputSize(size[1], 1)),
      g.getElementType());
  if (failed(checkGradient(loc, op, a.getGrad(), forward)))
    return failure();
  types.push_back(RankedTensorType::get(imageShape(d, n, c, size[0], size[1]), g.getElementType()));
  return success();
}

// ---- Sharding, gradients, cost ---------------------------------------------------------------

// Batch and channels are those of all operands and the result; `linear`: operand sets.
static ShardingRule poolRule(Operation *op, StringRef layout, std::optional<unsigned> linear) {
  ImageDims d = imageDims(layout);
  ShardingRule rule;
  for (int dim : {d.n, d.c}) {
    Factor f;
    f.size = tensorType(op->getResult(0)).getDimSize(dim);
    f.operandDims.assign(op->getNumOperands(), dim);
    f.resultDims = {dim};
    rule.factors.push_back(f);
  }
  if (linear) {
    Signature s;
    s.operands.assign(op->getNumOperands(), Sbp::broadcast());
    s.operands[*linear] = Sbp::partialSum();
    s.results = {Sbp::partialSum()};
    rule.extra.push_back(s);
  }
  return rule;
}

ShardingRule MaxPool2dOp::getShardingRule() {
  ShardingRule rule = poolRule(*this, getLayout(), std::nullopt);
  rule.extra.push_back({{Sbp{SbpKind::PartialMax, 0}}, {Sbp{SbpKind::PartialMax, 0}}});
  return rule;
}
ShardingRule MaxPool2dBackwardOp::getShardingRule() { return poolRule(*this, getLayout(), 1); }
ShardingRule AvgPool2dOp::getShardingRule() { return poolRule(*this, getLayout(), 0); }
ShardingRule AvgPool2dBackwardOp::getShardingRule() { return poolRule(*this, getLayout(), 0); }

LogicalResult MaxPool2dOp::buildGradient(OpBuilder &b, ValueRange grads,
                                         SmallVectorImpl<Value> &out) {
  out[0] = MaxPool2dBackwardOp::create(b, getLoc(), getInput(), grads[0], getKernel(), getStrides(),
                                       getPads(), getDilations(), getCeilMode(), getLayout());
  return success();
}
LogicalResult AvgPool2dOp::buildGradient(OpBuilder &b, ValueRange grads,
                                         SmallVectorImpl<Value> &out) {
  ImageDims d = imageDims(getLayout());
  ArrayRef<int64_t> shape = tensorType(getInput()).getShape();
  out[0] = AvgPool2dBackwardOp::create(
      b, getLoc(), grads[0], ArrayRef<int64_t>{shape[d.h], shape[d.w]}, getKernel(), getStrides(),
      getPads(), getDilations(), getCeilMode(), getLayout(), getCountIncludePad());
  return success();
}
LogicalResult AvgPool2dBackwardOp::buildGradient(OpBuilder &b, ValueRange grads,
                                                 SmallVectorImpl<Value> &out) {
  out[0] = AvgPool2dOp::create(b, getLoc(), grads[0], getKernel(), getStrides(), getPads(),
                               getDilations(), getCeilMode(), getLayout(), getCountIncludePad());
  return success();
}

#define OF_POOL_COST(Op, WINDOWS)                                                                  \
  double Op::getFlops(ArrayRef<RankedTensorType> in, ArrayRef<RankedTensorType> out) {             \
    return double(WINDOWS.getNumElements()) * getKernel()[0] * getKernel()[1];                     \
  }
OF_POOL_COST(MaxPool2dOp, out[0])
OF_POOL_COST(AvgPool2dOp, out[0])
OF_POOL_COST(MaxPool2dBackwardOp, in[1])
OF_POOL_COST(AvgPool2dBackwardOp, in[0])

} // namespace of
