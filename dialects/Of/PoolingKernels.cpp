// Loops of poolings over their buffers. Windows are done side by side, a line of them at a time:
//
//   nchw   a line is up to 1024 windows of one row of one channel; units are channels of samples
//   nhwc   a line is up to 64 channels of one window; units are such blocks of samples
//
// For each tap of the window a line is one loop without branches, whose bounds leave out windows
// that have the tap in the padding. Units are apart, so that tiles are runs of them.
//
// A gradient is spread line by line from a row on the stack. Where windows of a row start more than
// one column apart, columns are written `stride` at a time, each from the taps that can reach it,
// so that stores are contiguous. An element gets what its windows give it in their row-major order
// on every path, which fixes the bits of its sum.
#include "dialects/Of/Build.h"
#include "dialects/Of/Window.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace of {

namespace {

constexpr int64_t lineWindows = 1024, lineChannels = 64;
/// Taps of a row of the window that are written out one by one; more are a loop.
constexpr int64_t unrolledTaps = 16;
constexpr int64_t elementsPerTile = 4096, mostTiles = 256;

/// Index arithmetic that folds what is constant.
class Indices {
public:
  Indices(OpBuilder &b, Location loc) : b(b), loc(loc) {}
  Value of(int64_t v) { return arith::ConstantIndexOp::create(b, loc, v); }
  Value add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(loc, x, y); }
  Value sub(Value x, Value y) { return b.createOrFold<arith::SubIOp>(loc, x, y); }
  Value mul(Value x, int64_t y) { return b.createOrFold<arith::MulIOp>(loc, x, of(y)); }
  Value div(Value x, int64_t y) { return b.createOrFold<arith::DivUIOp>(loc, x, of(y)); }
  Value rem(Value x, int64_t y) { return b.createOrFold<arith::RemUIOp>(loc, x, of(y)); }
  Value min(Value x, Value y) { return b.createOrFold<arith::MinSIOp>(loc, x, y); }
  Value max(Value x, Value y) { return b.createOrFold<arith::MaxSIOp>(loc, x, y); }
  /// How many of 0, y, 2 y, ... are below x: ceil(x / y), 0 for a negative x.
  Value steps(Value x, int64_t y) { return div(add(max(x, of(0)), of(y - 1)), y); }

  void loop(Value from, Value to, Value step, function_ref<void(Value)> body) {
    auto op = scf::ForOp::create(b, loc, from, to, step);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(op.getBody()->getTerminator());
    body(op.getInductionVar());
  }
  void loop(Value from, Value to, function_ref<void(Value)> body) { loop(from, to, of(1), body); }

private:
  OpBuilder &b;
  Location loc;
};

/// Windows done side by side: [from, to) of the columns of row `oh`, or of the channels at
/// (oh, ow).
struct Line {
  Value n, c, oh, ow, from, to;
};

class PoolLoops {
public:
  PoolLoops(OpBuilder &b, Location loc, const Window &window, StringRef layout,
            ArrayRef<int64_t> image, ArrayRef<int64_t> pooled, Type element)
      : b(b), loc(loc), at(b, loc), window(window), nhwc(layout == "nhwc"), d(imageDims(layout)),
        image(image), pooled(pooled), element(element) {}

  /// Units, of which each tile has a run.
  int64_t units() const {
    return image[d.n] * (nhwc ? llvm::divideCeil(image[d.c], lineChannels) : image[d.c]);
  }
  int64_t tiles() const {
    int64_t elements = 1;
    for (int64_t size : image)
      elements *= size;
    return std::clamp<int64_t>(std::min(elements / elementsPerTile, units()), 1, mostTiles);
  }

  Value real(double value) {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(element, value));
  }
  Value tap(int64_t value) { return arith::ConstantIntOp::create(b, loc, value, 32); }
  Value load(Value buffer, ValueRange index) {
    return memref::LoadOp::create(b, loc, buffer, index);
  }
  void store(Value value, Value buffer, ValueRange index) {
    memref::StoreOp::create(b, loc, value, buffer, index);
  }
  void addTo(Value buffer, ValueRange index, Value value) {
    store(arith::AddFOp::create(b, loc, load(buffer, index), value), buffer, index);
  }

  /// Each line of the units of the tiles, in row-major order of their windows.
  void forLines(Value tileBegin, Value tileEnd, function_ref<void(const Line &)> body) {
    forLines(tileBegin, tileEnd, Value(), body);
  }
  /// The same, with zeros for a unit's images before its lines.
  void forLines(Value tileBegin, Value tileEnd, Value cleared,
                function_ref<void(const Line &)> body) {
    at.loop(firstUnit(tileBegin), firstUnit(tileEnd), [&](Value unit) {
      int64_t blocks = units() / std::max<int64_t>(image[d.n], 1);
      Value n = at.div(unit, blocks), block = at.rem(unit, blocks);
      Value c = nhwc ? at.mul(block, lineChannels) : block;
      if (cleared)
        clear(cleared, n, c);
      at.loop(at.of(0), at.of(pooled[d.h]), [&](Value oh) {
        if (nhwc)
          at.loop(at.of(0), at.of(pooled[d.w]), [&](Value ow) {
            body({n, c, oh, ow, c, endOfChannels(c)});
          });
        else
          forBlocks([&](Value from, Value to) { body({n, c, oh, Value(), from, to}); });
      });
    });
  }

  void forPoints(const Line &line, function_ref<void(Value)> body) {
    at.loop(line.from, line.to, body);
  }
  SmallVector<Value> windowAt(const Line &line, Value point) {
    return nhwc ? SmallVector<Value>{line.n, line.oh, line.ow, point}
                : SmallVector<Value>{line.n, line.c, line.oh, point};
  }

  /// For each tap that lies in the image and each window of the line that has it: body(number of
  /// the tap in the window, window, element of the image). Taps ascend, or those of a row descend.
  void forTaps(const Line &line, bool descending,
               function_ref<void(Value, Value, ValueRange)> body) {
    forRows(line, [&](Value i, Value row) {
      if (nhwc)
        return tapsOfOneWindow(line, i, row, body);
      forColumns(descending, [&](Value j) {
        Value shift = at.sub(at.mul(j, window.dilation[1]), at.of(window.before(1)));
        Value low = at.steps(at.sub(at.of(0), shift), window.stride[1]);
        Value high = at.steps(at.sub(at.of(image[d.w]), shift), window.stride[1]);
        Value k = number(i, j);
        at.loop(at.max(line.from, low), at.min(line.to, high), [&](Value ow) {
          Value column = at.add(at.mul(ow, window.stride[1]), shift);
          body(k, ow, {line.n, line.c, row, column});
        });
      });
    });
  }

  /// A row on the stack for the windows of a line and those that taps reach beside them.
  Value makeRow(Type type) {
    int64_t windows = nhwc ? lineChannels : std::min(lineWindows, pooled[d.w]);
    return memref::AllocaOp::create(b, loc, MemRefType::get({windows + 2 * margin()}, type));
  }
  Value inRow(const Line &line, Value point) {
    return at.add(at.sub(point, line.from), at.of(margin()));
  }
  void fillMargins(const Line &line, Value row, Value value) {
    if (margin() == 0)
      return;
    Value end = inRow(line, line.to);
    at.loop(at.of(0), at.of(margin()), [&](Value i) {
      store(value, row, i);
      store(value, row, at.add(end, i));
    });
  }

  /// Adds to each element of the images what the windows of the line give it: given(number of the
  /// tap, index into rows), which is zero in the margins.
  void spread(const Line &line, Value images, function_ref<Value(Value, Value)> given) {
    if (!byPhases())
      return forTaps(line, /*descending=*/true, [&](Value k, Value point, ValueRange element) {
        addTo(images, element, given(k, inRow(line, point)));
      });
    // Column q * stride + phase of the padded image.
    int64_t stride = window.stride[1], before = window.before(1);
    Value end = at.add(line.to, at.of(margin()));
    auto within = [&](int64_t q) { return at.min(at.max(at.of(q), line.from), end); };
    Value low = within(llvm::divideCeil(before, stride));
    Value high = at.max(low, within((image[d.w] + before) / stride));
    forRows(line, [&](Value i, Value row) {
      auto columns = [&](Value from, Value to, bool inside) {
        at.loop(from, to, [&](Value q) { spreadStride(line, images, i, row, q, inside, given); });
      };
      columns(line.from, low, false);
      columns(low, high, true);
      columns(high, end, false);
    });
  }

  /// What a mean over a window divides by, as a float.
  Value count(const Line &line, Value point, bool includePads) {
    Value rows = tapsInside(line.oh, 0, includePads);
    Value columns = tapsInside(nhwc ? line.ow : point, 1, includePads);
    Value product = arith::IndexCastOp::create(b, loc, b.getI32Type(),
                                               b.createOrFold<arith::MulIOp>(loc, rows, columns));
    return arith::SIToFPOp::create(b, loc, element, product);
  }

private:
  /// Zeros for the images of a unit.
  void clear(Value images, Value n, Value c) {
    at.loop(at.of(0), at.of(image[d.h]), [&](Value h) {
      at.loop(at.of(0), at.of(image[d.w]), [&](Value w) {
        if (!nhwc)
          return store(real(0), images, {n, c, h, w});
        at.loop(c, endOfChannels(c), [&](Value e) { store(real(0), images, {n, h, w, e}); });
      });
    });
  }

  /// floor(tile * units / tiles)
  Value firstUnit(Value tile) { return at.div(at.mul(tile, units()), tiles()); }
  Value endOfChannels(Value c) { return at.min(at.add(c, at.of(lineChannels)), at.of(image[d.c])); }
  Value number(Value i, Value j) {
    Value k = at.add(at.mul(i, window.size[1]), j);
    return b.createOrFold<arith::IndexCastOp>(loc, b.getI32Type(), k);
  }

  void forBlocks(function_ref<void(Value, Value)> body) {
    Value end = at.of(pooled[d.w]);
    if (pooled[d.w] <= lineWindows)
      return body(at.of(0), end);
    at.loop(at.of(0), end, at.of(lineWindows),
            [&](Value from) { body(from, at.min(at.add(from, at.of(lineWindows)), end)); });
  }

  /// Taps [from, to) along one axis of a window that starts at `start` lie in [low, high).
  std::pair<Value, Value> tapRange(Value start, unsigned axis, int64_t low, int64_t high) {
    Value size = at.of(window.size[axis]);
    auto before = [&](int64_t bound) {
      return at.min(at.steps(at.sub(at.of(bound), start), window.dilation[axis]), size);
    };
    return {before(low), before(high)};
  }
  Value startOf(Value index, unsigned axis) {
    return at.sub(at.mul(index, window.stride[axis]), at.of(window.before(axis)));
  }
  int64_t imageSize(unsigned axis) const { return image[axis == 0 ? d.h : d.w]; }
  Value tapsInside(Value index, unsigned axis, bool includePads) {
    int64_t low = includePads ? -window.before(axis) : 0;
    int64_t high = imageSize(axis) + (includePads ? window.after(axis) : 0);
    auto [from, to] = tapRange(startOf(index, axis), axis, low, high);
    return at.sub(to, from);
  }
  /// body(tap along the axis, position in the image) for taps of a window that lie in the image.
  void forInside(Value index, unsigned axis, function_ref<void(Value, Value)> body) {
    Value start = startOf(index, axis);
    auto [from, to] = tapRange(start, axis, 0, imageSize(axis));
    at.loop(from, to, [&](Value i) { body(i, at.add(start, at.mul(i, window.dilation[axis]))); });
  }
  void forRows(const Line &line, function_ref<void(Value, Value)> body) {
    forInside(line.oh, 0, body);
  }
  void tapsOfOneWindow(const Line &line, Value i, Value row,
                       function_ref<void(Value, Value, ValueRange)> body) {
    forInside(line.ow, 1, [&](Value j, Value column) {
      Value k = number(i, j);
      forPoints(line, [&](Value c) { body(k, c, {line.n, row, column, c}); });
    });
  }
  void forColumns(bool descending, function_ref<void(Value)> body) {
    int64_t taps = window.size[1];
    auto tapAt = [&](Value i) { return descending ? at.sub(at.of(taps - 1), i) : i; };
    if (taps > unrolledTaps)
      return at.loop(at.of(0), at.of(taps), [&](Value i) { body(tapAt(i)); });
    for (int64_t i = 0; i < taps; ++i)
      body(tapAt(at.of(i)));
  }

  bool byPhases() const { return !nhwc && window.stride[1] > 1 && window.size[1] <= unrolledTaps; }
  /// How many windows further a row's last tap reaches.
  int64_t margin() const {
    return byPhases() ? (window.size[1] - 1) * window.dilation[1] / window.stride[1] : 0;
  }

  /// The columns of one stride; not `inside`: some of them may lie in the padding.
  void spreadStride(const Line &line, Value images, Value i, Value row, Value q, bool inside,
                    function_ref<Value(Value, Value)> given) {
    for (int64_t phase = 0; phase < window.stride[1]; ++phase) {
      Value column = at.add(at.mul(q, window.stride[1]), at.of(phase - window.before(1)));
      auto write = [&] { spreadColumn(line, images, i, row, q, phase, column, given); };
      if (inside) {
        write();
        continue;
      }
      // A negative column is a large one without sign.
      Value exists =
          arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, column, at.of(image[d.w]));
      auto branch = scf::IfOp::create(b, loc, exists, /*withElseRegion=*/false);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(branch.thenYield());
      write();
    }
  }
  void spreadColumn(const Line &line, Value images, Value i, Value row, Value q, int64_t phase,
                    Value column, function_ref<Value(Value, Value)> given) {
    Value sum;
    for (int64_t j = window.size[1] - 1; j >= 0; --j) {
      int64_t shift = j * window.dilation[1];
      if (shift % window.stride[1] != phase)
        continue;
      if (!sum)
        sum = load(images, {line.n, line.c, row, column});
      Value window_ = at.sub(q, at.of(shift / window.stride[1]));
      sum = arith::AddFOp::create(b, loc, sum, given(number(i, at.of(j)), inRow(line, window_)));
    }
    if (sum)
      store(sum, images, {line.n, line.c, row, column});
  }

  OpBuilder &b;
  Location loc;
  Indices at;
  Window window;
  bool nhwc;
  ImageDims d;
  ArrayRef<int64_t> image, pooled;
  Type element;
};

template <typename Op>
PoolLoops loopsOf(OpBuilder &b, Op op, ArrayRef<int64_t> image, ArrayRef<int64_t> pooled,
                  Type element) {
  Window window = *makeWindow(std::nullopt, "", op.getKernel(), op.getStrides(), op.getPads(),
                              op.getDilations(), op.getCeilMode());
  return PoolLoops(b, op.getLoc(), window, op.getLayout(), image, pooled, element);
}
template <typename Op> PoolLoops loopsOf(OpBuilder &b, Op op, Value images, Value pooled) {
  auto type = cast<MemRefType>(images.getType());
  return loopsOf(b, op, type.getShape(), cast<MemRefType>(pooled.getType()).getShape(),
                 type.getElementType());
}
template <typename Op> int64_t tilesOf(Op op, RankedTensorType images, RankedTensorType pooled) {
  OpBuilder b(op.getContext());
  return loopsOf(b, op, images.getShape(), pooled.getShape(), images.getElementType()).tiles();
}

} // namespace

using Types = ArrayRef<RankedTensorType>;

int64_t MaxPool2dOp::getTiles(Types in, Types out) { return tilesOf(*this, in[0], out[0]); }
int64_t AvgPool2dOp::getTiles(Types in, Types out) { return tilesOf(*this, in[0], out[0]); }
int64_t MaxPool2dBackwardOp::getTiles(Types in, Types out) { return tilesOf(*this, out[0], in[1]); }
int64_t AvgPool2dBackwardOp::getTiles(Types in, Types out) { return tilesOf(*this, out[0], in[0]); }

void MaxPool2dOp::buildLoops(OpBuilder &b, ValueRange in, ValueRange out, Value tileBegin,
                             Value tileEnd) {
  PoolLoops p = loopsOf(b, *this, in[0], out[0]);
  p.forLines(tileBegin, tileEnd, [&](const Line &line) {
    Value lowest = p.real(-std::numeric_limits<double>::infinity());
    p.forPoints(line, [&](Value w) { p.store(lowest, out[0], p.windowAt(line, w)); });
    p.forTaps(line, /*descending=*/false, [&](Value, Value w, ValueRange element) {
      SmallVector<Value> to = p.windowAt(line, w);
      Value best =
          arith::MaximumFOp::create(b, getLoc(), p.load(out[0], to), p.load(in[0], element));
      p.store(best, out[0], to);
    });
  });
}

// The first maximum wins: later ones must be larger. The first tap is taken whatever it is.
void MaxPool2dBackwardOp::buildLoops(OpBuilder &b, ValueRange in, ValueRange out, Value tileBegin,
                                     Value tileEnd) {
  Location loc = getLoc();
  PoolLoops p = loopsOf(b, *this, out[0], in[1]);
  Value values = p.makeRow(cast<MemRefType>(in[0].getType()).getElementType());
  Value winners = p.makeRow(b.getI32Type());
  p.forLines(tileBegin, tileEnd, out[0], [&](const Line &line) {
    Value none = p.tap(-1);
    p.fillMargins(line, winners, none);
    p.fillMargins(line, values, p.real(0));
    p.forPoints(line, [&](Value w) {
      p.store(p.real(-std::numeric_limits<double>::infinity()), values, p.inRow(line, w));
      p.store(none, winners, p.inRow(line, w));
    });
    p.forTaps(line, /*descending=*/false, [&](Value k, Value w, ValueRange element) {
      Value i = p.inRow(line, w);
      Value x = p.load(in[0], element), best = p.load(values, i), winner = p.load(winners, i);
      Value larger = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, best);
      Value fresh = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, winner, p.tap(0));
      Value take = arith::OrIOp::create(b, loc, larger, fresh);
      p.store(arith::SelectOp::create(b, loc, take, x, best), values, i);
      p.store(arith::SelectOp::create(b, loc, take, k, winner), winners, i);
    });
    p.forPoints(line, [&](Value w) {
      p.store(p.load(in[1], p.windowAt(line, w)), values, p.inRow(line, w));
    });
    p.spread(line, out[0], [&](Value k, Value i) {
      Value wins = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, p.load(winners, i), k);
      return arith::SelectOp::create(b, loc, wins, p.load(values, i), p.real(0)).getResult();
    });
  });
}

void AvgPool2dOp::buildLoops(OpBuilder &b, ValueRange in, ValueRange out, Value tileBegin,
                             Value tileEnd) {
  PoolLoops p = loopsOf(b, *this, in[0], out[0]);
  p.forLines(tileBegin, tileEnd, [&](const Line &line) {
    p.forPoints(line, [&](Value w) { p.store(p.real(0), out[0], p.windowAt(line, w)); });
    p.forTaps(line, /*descending=*/false, [&](Value, Value w, ValueRange element) {
      p.addTo(out[0], p.windowAt(line, w), p.load(in[0], element));
    });
    p.forPoints(line, [&](Value w) {
      SmallVector<Value> to = p.windowAt(line, w);
      Value count = p.count(line, w, getCountIncludePad());
      p.store(arith::DivFOp::create(b, getLoc(), p.load(out[0], to), count), out[0], to);
    });
  });
}

void AvgPool2dBackwardOp::buildLoops(OpBuilder &b, ValueRange in, ValueRange out, Value tileBegin,
                                     Value tileEnd) {
  PoolLoops p = loopsOf(b, *this, out[0], in[0]);
  Value shares = p.makeRow(cast<MemRefType>(in[0].getType()).getElementType());
  p.forLines(tileBegin, tileEnd, out[0], [&](const Line &line) {
    p.fillMargins(line, shares, p.real(0));
    p.forPoints(line, [&](Value w) {
      Value count = p.count(line, w, getCountIncludePad());
      Value grad = p.load(in[0], p.windowAt(line, w));
      p.store(arith::DivFOp::create(b, getLoc(), grad, count), shares, p.inRow(line, w));
    });
    p.spread(line, out[0], [&](Value, Value i) { return p.load(shares, i); });
  });
}

} // namespace of
