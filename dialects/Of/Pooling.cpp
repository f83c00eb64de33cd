// Pooling: windows walked by loops over the results, and over the windows' values for gradients, in
// row-major order, so that sums have one order.
#include "dialects/Of/Build.h"
#include "dialects/Of/Window.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

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

// ---- Kernels ---------------------------------------------------------------------------------

namespace {

/// Loops over windows of one op. Indices are `index` values, images tensors without encoding.
class PoolKernel {
public:
  PoolKernel(OpBuilder &b, Location loc, const Window &window, ImageDims dims,
             ArrayRef<int64_t> image, ArrayRef<int64_t> pooled)
      : b(b), loc(loc), window(window), dims(dims), image(image), pooled(pooled) {}

  /// A tensor of one value.
  Value filled(RankedTensorType type, double value) {
    Value empty = tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
    Value scalar = real(type.getElementType(), value);
    return linalg::FillOp::create(b, loc, scalar, empty).getResult(0);
  }
  Value real(Type type, double value) {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  }

  /// for all windows in row-major order: tensor = body(index of the window, tensor)
  Value forWindows(Value tensor, function_ref<Value(ValueRange, Value)> body) {
    SmallVector<Value> index;
    return nest(0, index, tensor, body);
  }

  /// Elements of the window at `at` that lie in the image, in row-major order: values = body(index
  /// in the image, values).
  SmallVector<Value> forTaps(ValueRange at, ValueRange values,
                             function_ref<SmallVector<Value>(ValueRange, ValueRange)> body) {
    Taps rows = tapsOf(at, 0, 0), columns = tapsOf(at, 1, 0);
    return loop(rows.from, rows.to, values, [&](Value i, ValueRange outer) {
      return loop(columns.from, columns.to, outer, [&](Value j, ValueRange inner) {
        SmallVector<Value> index(at);
        index[dims.h] = position(rows.start, i, 0);
        index[dims.w] = position(columns.start, j, 1);
        return body(index, inner);
      });
    });
  }

  /// Whether an element may be in several windows.
  bool windowsMeet() const {
    for (unsigned axis : {0u, 1u})
      if (window.stride[axis] <= window.dilation[axis] * (window.size[axis] - 1))
        return true;
    return false;
  }

  /// What a mean over the window at `at` divides by, as a float.
  Value count(ValueRange at, bool includePads, Type type) {
    Value product;
    for (unsigned axis : {0u, 1u}) {
      Taps taps = tapsOf(at, axis, includePads ? 1 : 0);
      Value n = arith::SubIOp::create(b, loc, taps.to, taps.from);
      product = product ? arith::MulIOp::create(b, loc, product, n).getResult() : n;
    }
    Value wide = arith::IndexCastOp::create(b, loc, b.getI32Type(), product);
    return arith::SIToFPOp::create(b, loc, type, wide);
  }

private:
  /// Taps [from, to) of a window that starts at `start` along one axis.
  struct Taps {
    Value start, from, to;
  };

  Value index(int64_t v) { return arith::ConstantIndexOp::create(b, loc, v); }

  Value nest(unsigned dim, SmallVector<Value> &at, Value tensor,
             function_ref<Value(ValueRange, Value)> body) {
    if (dim == pooled.size())
      return body(at, tensor);
    return loop(index(0), index(pooled[dim]), tensor, [&](Value i, ValueRange carried) {
      at.push_back(i);
      Value next = nest(dim + 1, at, carried[0], body);
      at.pop_back();
      return SmallVector<Value>{next};
    })[0];
  }

  SmallVector<Value> loop(Value from, Value to, ValueRange carried,
                          function_ref<SmallVector<Value>(Value, ValueRange)> body) {
    auto op = scf::ForOp::create(b, loc, from, to, index(1), carried);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(op.getBody());
    scf::YieldOp::create(b, loc, body(op.getInductionVar(), op.getRegionIterArgs()));
    return SmallVector<Value>(op.getResults());
  }

  /// start + tap * dilation
  Value position(Value start, Value tap, unsigned axis) {
    Value offset = arith::MulIOp::create(b, loc, tap, index(window.dilation[axis]));
    return arith::AddIOp::create(b, loc, start, offset);
  }

  /// Windows never leave the image along this axis.
  bool alwaysInside(unsigned axis) const {
    int64_t size = image[axis == 0 ? dims.h : dims.w], n = pooled[axis == 0 ? dims.h : dims.w];
    int64_t last = (n - 1) * window.stride[axis] + window.dilation[axis] * (window.size[axis] - 1);
    return window.before(axis) == 0 && last < size;
  }

  /// Taps in the image, or in the image and its padding. The first is ceil((low - start) /
  /// dilation) or 0, the end ceil((high - start) / dilation) or the size; both divide what is not
  /// negative.
  Taps tapsOf(ValueRange at, unsigned axis, bool withPads) {
    int dim = axis == 0 ? dims.h : dims.w;
    Value scaled = arith::MulIOp::create(b, loc, at[dim], index(window.stride[axis]));
    Value start = arith::SubIOp::create(b, loc, scaled, index(window.before(axis)));
    Value size = index(window.size[axis]);
    if (alwaysInside(axis))
      return {start, index(0), size};
    int64_t low = withPads ? -window.before(axis) : 0;
    int64_t high = image[dim] + (withPads ? window.after(axis) : 0);
    return {start, firstTap(index(low), start, size, axis),
            firstTap(index(high), start, size, axis)};
  }

  /// Number of taps before `bound`, at most `size`.
  Value firstTap(Value bound, Value start, Value size, unsigned axis) {
    Value distance = arith::SubIOp::create(b, loc, bound, start);
    Value ahead = arith::MaxSIOp::create(b, loc, distance, index(0));
    Value up = arith::AddIOp::create(b, loc, ahead, index(window.dilation[axis] - 1));
    Value taps = arith::DivUIOp::create(b, loc, up, index(window.dilation[axis]));
    return arith::MinSIOp::create(b, loc, taps, size);
  }

  OpBuilder &b;
  Location loc;
  Window window;
  ImageDims dims;
  ArrayRef<int64_t> image, pooled;
};

/// The kernel's helper, and reads and writes of single elements.
struct PoolBody {
  OpBuilder &b;
  Location loc;
  PoolKernel kernel;

  Value read(Value tensor, ValueRange at) { return tensor::ExtractOp::create(b, loc, tensor, at); }
  Value write(Value value, Value tensor, ValueRange at) {
    return tensor::InsertOp::create(b, loc, value, tensor, at);
  }
  Value addTo(Value tensor, ValueRange at, Value value) {
    return write(arith::AddFOp::create(b, loc, read(tensor, at), value), tensor, at);
  }
};

} // namespace

template <typename Op>
static PoolBody poolBody(OpBuilder &b, Op op, RankedTensorType image, RankedTensorType pooled) {
  return {b, op.getLoc(),
          PoolKernel(b, op.getLoc(), *windowOf(std::nullopt, "", op), imageDims(op.getLayout()),
                     image.getShape(), pooled.getShape())};
}

LogicalResult MaxPool2dOp::buildKernel(OpBuilder &b, ValueRange operands,
                                       ArrayRef<RankedTensorType> types, PointContext &,
                                       SmallVectorImpl<Value> &results) {
  PoolBody p = poolBody(b, *this, tensorType(operands[0]), types[0]);
  Type element = types[0].getElementType();
  Value out = tensor::EmptyOp::create(b, getLoc(), types[0].getShape(), element);
  results.push_back(p.kernel.forWindows(out, [&](ValueRange at, Value tensor) {
    Value lowest = p.kernel.real(element, -std::numeric_limits<double>::infinity());
    SmallVector<Value> top = p.kernel.forTaps(at, lowest, [&](ValueRange tap, ValueRange best) {
      Value x = p.read(operands[0], tap);
      return SmallVector<Value>{arith::MaximumFOp::create(b, getLoc(), best[0], x)};
    });
    return p.write(top[0], tensor, at);
  }));
  return success();
}

LogicalResult MaxPool2dBackwardOp::buildKernel(OpBuilder &b, ValueRange operands,
                                               ArrayRef<RankedTensorType> types, PointContext &,
                                               SmallVectorImpl<Value> &results) {
  Location loc = getLoc();
  ImageDims d = imageDims(getLayout());
  PoolBody p = poolBody(b, *this, types[0], tensorType(operands[1]));
  Type element = types[0].getElementType();
  Value zero = p.kernel.filled(types[0], 0);
  auto larger = [&](Value x, Value y) {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, y).getResult();
  };
  Value lowest = p.kernel.real(element, -std::numeric_limits<double>::infinity());
  // The first maximum: later ones must be larger. The first tap is taken whatever it is.
  if (p.kernel.windowsMeet()) {
    results.push_back(p.kernel.forWindows(zero, [&](ValueRange at, Value tensor) {
      Value none = arith::ConstantIndexOp::create(b, loc, -1);
      SmallVector<Value> first{lowest, none, none};
      auto best = p.kernel.forTaps(at, first, [&](ValueRange tap, ValueRange so) {
        Value x = p.read(operands[0], tap);
        Value fresh = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, so[1],
                                            arith::ConstantIndexOp::create(b, loc, 0));
        Value take = arith::OrIOp::create(b, loc, larger(x, so[0]), fresh);
        SmallVector<Value> next;
        for (auto [mine, old] : llvm::zip(SmallVector<Value>{x, tap[d.h], tap[d.w]}, so))
          next.push_back(arith::SelectOp::create(b, loc, take, mine, old));
        return next;
      });
      SmallVector<Value> winner(at);
      winner[d.h] = best[1];
      winner[d.w] = best[2];
      return p.addTo(tensor, winner, p.read(operands[1], at));
    }));
    return success();
  }
  // Each element has its value from one window: written, not added, at addresses that do not depend
  // on the data, so that windows are done side by side.
  Value yes = arith::ConstantIntOp::create(b, loc, 1, 1),
        no = arith::ConstantIntOp::create(b, loc, 0, 1);
  results.push_back(p.kernel.forWindows(zero, [&](ValueRange at, Value tensor) {
    Value top = p.kernel.forTaps(at, {lowest, yes}, [&](ValueRange tap, ValueRange so) {
      Value x = p.read(operands[0], tap);
      Value take = arith::OrIOp::create(b, loc, larger(x, so[0]), so[1]);
      return SmallVector<Value>{arith::SelectOp::create(b, loc, take, x, so[0]), no};
    })[0];
    Value isNaN = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, top, top);
    Value grad = p.read(operands[1], at);
    return p.kernel.forTaps(at, {tensor, no}, [&](ValueRange tap, ValueRange so) {
      Value x = p.read(operands[0], tap);
      Value equal = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, top);
      Value able = arith::OrIOp::create(b, loc, equal, isNaN);
      Value wins = arith::AndIOp::create(b, loc, able, arith::XOrIOp::create(b, loc, so[1], yes));
      Value value = arith::SelectOp::create(b, loc, wins, grad, p.kernel.real(element, 0));
      return SmallVector<Value>{p.write(value, so[0], tap),
                                arith::OrIOp::create(b, loc, so[1], able)};
    })[0];
  }));
  return success();
}

LogicalResult AvgPool2dOp::buildKernel(OpBuilder &b, ValueRange operands,
                                       ArrayRef<RankedTensorType> types, PointContext &,
                                       SmallVectorImpl<Value> &results) {
  PoolBody p = poolBody(b, *this, tensorType(operands[0]), types[0]);
  Type element = types[0].getElementType();
  Value out = tensor::EmptyOp::create(b, getLoc(), types[0].getShape(), element);
  results.push_back(p.kernel.forWindows(out, [&](ValueRange at, Value tensor) {
    auto sum = p.kernel.forTaps(at, p.kernel.real(element, 0), [&](ValueRange tap, ValueRange so) {
      Value x = p.read(operands[0], tap);
      return SmallVector<Value>{arith::AddFOp::create(b, getLoc(), so[0], x)};
    });
    Value count = p.kernel.count(at, getCountIncludePad(), element);
    return p.write(arith::DivFOp::create(b, getLoc(), sum[0], count), tensor, at);
  }));
  return success();
}

LogicalResult AvgPool2dBackwardOp::buildKernel(OpBuilder &b, ValueRange operands,
                                               ArrayRef<RankedTensorType> types, PointContext &,
                                               SmallVectorImpl<Value> &results) {
  PoolBody p = poolBody(b, *this, types[0], tensorType(operands[0]));
  Value zero = p.kernel.filled(types[0], 0);
  results.push_back(p.kernel.forWindows(zero, [&](ValueRange at, Value tensor) {
    Value count = p.kernel.count(at, getCountIncludePad(), types[0].getElementType());
    Value share = arith::DivFOp::create(b, getLoc(), p.read(operands[0], at), count);
    return p.kernel.forTaps(at, tensor, [&](ValueRange tap, ValueRange so) {
      return SmallVector<Value>{p.addTo(so[0], tap, share)};
    })[0];
  }));
  return success();
}

} // namespace of
