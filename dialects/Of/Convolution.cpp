// Convolutions: one geometry, three products of which each is the gradient of the others.
#include "dialects/Of/Build.h"
#include "dialects/Of/Window.h"

using namespace mlir;

namespace of {

namespace {

/// Types of the three tensors of a convolution y = w * x.
struct Roles {
  RankedTensorType x, w, y;
};

/// Which dim of each carries a factor; -1 for none.
struct RoleDims {
  int x, w, y;
};

} // namespace

template <typename Op> static Window windowOf(Op op, RankedTensorType weight) {
  return *makeWindow(std::nullopt, "", weight.getShape().take_back(2), op.getStrides(),
                     op.getPads(), op.getDilations());
}

// ---- Types -----------------------------------------------------------------------------------

static LogicalResult checkWeight(std::optional<Location> loc, StringRef op, Value weight,
                                 Value images, int64_t groups) {
  auto type = tensorType(weight);
  if (type.getRank() != 4 || type.getElementType() != tensorType(images).getElementType())
    return emitOptionalError(loc, op,
                             ": needs weights [o, c / groups, kh, kw] of the images' type, got ",
                             type, " for ", images.getType());
  if (groups < 1 || type.getDimSize(0) % groups)
    return emitOptionalError(loc, op, ": ", type.getDimSize(0),
                             " output channels do not divide into ", groups, " groups");
  return success();
}

static LogicalResult checkSize(std::optional<Location> loc, StringRef op, StringRef what,
                               int64_t got, int64_t want) {
  if (got == want || ShapedType::isDynamic(got) || ShapedType::isDynamic(want))
    return success();
  return emitOptionalError(loc, op, ": ", what, " is ", got, ", but the rest gives ", want);
}

LogicalResult Conv2dOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor a,
                                         SmallVectorImpl<Type> &types) {
  StringRef op = getOperationName();
  auto dims = imageDims(loc, op, a.getLayout());
  if (failed(dims) || failed(checkImages(loc, op, a.getInput())) ||
      failed(checkWeight(loc, op, a.getWeight(), a.getInput(), a.getGroups())))
    return failure();
  auto x = tensorType(a.getInput()), w = tensorType(a.getWeight());
  auto window =
      makeWindow(loc, op, w.getShape().take_back(2), a.getStrides(), a.getPads(), a.getDilations());
  if (failed(window) || failed(checkSize(loc, op, "the number of input channels",
                                         x.getDimSize(dims->c), w.getDimSize(1) * a.getGroups())))
    return failure();
  int64_t h = window->outputSize(x.getDimSize(dims->h), 0);
  int64_t wide = window->outputSize(x.getDimSize(dims->w), 1);
  types.push_back(RankedTensorType::get(
      imageShape(*dims, x.getDimSize(dims->n), w.getDimSize(0), h, wide), x.getElementType()));
  return success();
}

LogicalResult Conv2dBackwardDataOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                                     Adaptor a, SmallVectorImpl<Type> &types) {
  StringRef op = getOperationName();
  auto dims = imageDims(loc, op, a.getLayout());
  if (failed(dims) || failed(checkImages(loc, op, a.getGrad())) ||
      failed(checkWeight(loc, op, a.getWeight(), a.getGrad(), a.getGroups())))
    return failure();
  auto y = tensorType(a.getGrad()), w = tensorType(a.getWeight());
  auto window =
      makeWindow(loc, op, w.getShape().take_back(2), a.getStrides(), a.getPads(), a.getDilations());
  ArrayRef<int64_t> size = a.getInputSize();
  if (failed(window))
    return failure();
  if (size.size() != 2)
    return emitOptionalError(loc, op, ": input_size is [h, w]");
  if (failed(checkSize(loc, op, "the gradient's number of channels", y.getDimSize(dims->c),
                       w.getDimSize(0))) ||
      failed(checkSize(loc, op, "the gradient's height", y.getDimSize(dims->h),
                       window->outputSize(size[0], 0))) ||
      failed(checkSize(loc, op, "the gradient's width", y.getDimSize(dims->w),
                       window->outputSize(size[1], 1))))
    return failure();
  types.push_back(RankedTensorType::get(
      imageShape(*dims, y.getDimSize(dims->n), w.getDimSize(1) * a.getGroups(), size[0], size[1]),
      y.getElementType()));
  return success();
}

LogicalResult Conv2dBackwardWeightsOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                                        Adaptor a, SmallVectorImpl<Type> &types) {
  StringRef op = getOperationName();
  auto dims = imageDims(loc, op, a.getLayout());
  if (failed(dims) || failed(checkImages(loc, op, a.getInput())) ||
      failed(checkImages(loc, op, a.getGrad())))
    return failure();
  auto x = tensorType(a.getInput()), y = tensorType(a.getGrad());
  auto window = makeWindow(loc, op, a.getKernel(), a.getStrides(), a.getPads(), a.getDilations());
  if (failed(window))
    return failure();
  int64_t c = x.getDimSize(dims->c), o = y.getDimSize(dims->c), groups = a.getGroups();
  if (groups < 1 || c % groups || o % groups)
    return emitOptionalError(loc, op, ": ", c, " input and ", o,
                             " output channels do not divide into ", groups, " groups");
  if (failed(checkSize(loc, op, "the gradient's batch", y.getDimSize(dims->n),
                       x.getDimSize(dims->n))) ||
      failed(checkSize(loc, op, "the gradient's height", y.getDimSize(dims->h),
                       window->outputSize(x.getDimSize(dims->h), 0))) ||
      failed(checkSize(loc, op, "the gradient's width", y.getDimSize(dims->w),
                       window->outputSize(x.getDimSize(dims->w), 1))))
    return failure();
  types.push_back(
      RankedTensorType::get({o, c / groups, window->size[0], window->size[1]}, x.getElementType()));
  return success();
}

// ---- Sharding --------------------------------------------------------------------------------

// `pick` orders the dims of (x, w, y) as (operand 0, operand 1, result).
static ShardingRule convolutionRule(const Roles &r, ImageDims dims, int64_t groups,
                                    function_ref<std::array<int, 3>(RoleDims)> pick) {
  ShardingRule rule;
  auto add = [&](int64_t size, RoleDims carried, bool evenOnly = false) {
    std::array<int, 3> at = pick(carried);
    Factor f;
    f.size = size;
    f.operandDims = {at[0], at[1]};
    f.resultDims = {at[2]};
    f.evenOnly = evenOnly;
    if (at[2] < 0)
      f.reduction = SbpKind::PartialSum;
    rule.factors.push_back(f);
  };
  add(r.x.getDimSize(dims.n), {dims.n, -1, dims.n});
  if (groups == 1) {
    add(r.w.getDimSize(0), {-1, 0, dims.c});
    add(r.w.getDimSize(1), {dims.c, 1, -1});
  } else {
    add(groups, {dims.c, 0, dims.c}, /*evenOnly=*/true);
  }
  rule.extra.push_back({{Sbp::partialSum(), Sbp::broadcast()}, {Sbp::partialSum()}});
  rule.extra.push_back({{Sbp::broadcast(), Sbp::partialSum()}, {Sbp::partialSum()}});
  return rule;
}

ShardingRule Conv2dOp::getShardingRule() {
  return convolutionRule({tensorType(getInput()), tensorType(getWeight()), tensorType(getResult())},
                         imageDims(getLayout()), getGroups(), [](RoleDims d) {
                           return std::array<int, 3>{d.x, d.w, d.y};
                         });
}
ShardingRule Conv2dBackwardDataOp::getShardingRule() {
  return convolutionRule({tensorType(getResult()), tensorType(getWeight()), tensorType(getGrad())},
                         imageDims(getLayout()), getGroups(), [](RoleDims d) {
                           return std::array<int, 3>{d.y, d.w, d.x};
                         });
}
ShardingRule Conv2dBackwardWeightsOp::getShardingRule() {
  return convolutionRule({tensorType(getInput()), tensorType(getResult()), tensorType(getGrad())},
                         imageDims(getLayout()), getGroups(), [](RoleDims d) {
                           return std::array<int, 3>{d.x, d.y, d.w};
                         });
}

// ---- Gradients -------------------------------------------------------------------------------

template <typename Op> static Value dataGradient(OpBuilder &b, Op op, Value g, Value w, Value x) {
  ImageDims dims = imageDims(op.getLayout());
  ArrayRef<int64_t> shape = tensorType(x).getShape();
  return Conv2dBackwardDataOp::create(
      b, op.getLoc(), g, w, ArrayRef<int64_t>{shape[dims.h], shape[dims.w]}, op.getStrides(),
      op.getPads(), op.getDilations(), op.getGroups(), op.getLayout());
}
template <typename Op> static Value weightGradient(OpBuilder &b, Op op, Value x, Value g, Value w) {
  return Conv2dBackwardWeightsOp::create(
      b, op.getLoc(), x, g, tensorType(w).getShape().take_back(2), op.getStrides(), op.getPads(),
      op.getDilations(), op.getGroups(), op.getLayout());
}
template <typename Op> static Value convolution(OpBuilder &b, Op op, Value x, Value w) {
  return Conv2dOp::create(b, op.getLoc(), x, w, op.getStrides(), op.getPads(), op.getDilations(),
                          op.getGroups(), op.getLayout());
}

LogicalResult Conv2dOp::buildGradient(OpBuilder &b, ValueRange grads, SmallVectorImpl<Value> &out) {
  out[0] = dataGradient(b, *this, grads[0], getWeight(), getInput());
  out[1] = weightGradient(b, *this, getInput(), grads[0], getWeight());
  return success();
}
LogicalResult Conv2dBackwardDataOp::buildGradient(OpBuilder &b, ValueRange grads,
                                                  SmallVectorImpl<Value> &out) {
  out[0] = convolution(b, *this, grads[0], getWeight());
  out[1] = weightGradient(b, *this, grads[0], getGrad(), getWeight());
  return success();
}
LogicalResult Conv2dBackwardWeightsOp::buildGradient(OpBuilder &b, ValueRange grads,
                                                     SmallVectorImpl<Value> &out) {
  out[0] = dataGradient(b, *this, getGrad(), grads[0], getInput());
  out[1] = convolution(b, *this, getInput(), grads[0]);
  return success();
}

// ---- Library and cost ------------------------------------------------------------------------

// Channels of a part follow from its types, and with them the number of its groups.
template <typename Op> static LibraryCall callOf(Op op, StringRef name, const Roles &r) {
  ImageDims d = imageDims(op.getLayout());
  ArrayRef<int64_t> x = r.x.getShape(), w = r.w.getShape(), y = r.y.getShape();
  Window window = windowOf(op, r.w);
  LibraryCall call;
  call.name = name.str();
  call.dtype = dtypeOf(r.x.getElementType());
  call.scratch = true;
  call.ints = {
      op.getLayout() == "nhwc", x[d.n], x[d.c], x[d.h], x[d.w], w[0], w[2], w[3], y[d.h], y[d.w]};
  llvm::append_range(call.ints, window.stride);
  llvm::append_range(call.ints, window.pads);
  llvm::append_range(call.ints, window.dilation);
  call.ints.push_back(w[1] ? x[d.c] / w[1] : 1);
  return call;
}

static double flopsOf(const Roles &r) {
  return 2.0 * r.y.getNumElements() * r.w.getNumElements() /
         std::max<int64_t>(r.w.getDimSize(0), 1);
}

using Types = ArrayRef<RankedTensorType>;

LibraryCall Conv2dOp::getLibraryCall(Types in, Types out) {
  return callOf(*this, "conv2d_forward", {in[0], in[1], out[0]});
}
LibraryCall Conv2dBackwardDataOp::getLibraryCall(Types in, Types out) {
  return callOf(*this, "conv2d_backward_data", {out[0], in[1], in[0]});
}
LibraryCall Conv2dBackwardWeightsOp::getLibraryCall(Types in, Types out) {
  return callOf(*this, "conv2d_backward_weights", {in[0], out[0], in[1]});
}
double Conv2dOp::getFlops(Types in, Types out) { return flopsOf({in[0], in[1], out[0]}); }
double Conv2dBackwardDataOp::getFlops(Types in, Types out) {
  return flopsOf({out[0], in[1], in[0]});
}
double Conv2dBackwardWeightsOp::getFlops(Types in, Types out) {
  return flopsOf({in[0], out[0], in[1]});
}

} // namespace of
