// Loops of a fused kernel.
//
//   no fold                 fold of the innermost loop            fold of outer loops
//   for tile                for tile                              for tile
//     for rows of tile        for rows of tile                      for blocks of the innermost
//     loop
//       for ... inner           stage 0: acc = for folded: ...        stage 0: acc[block] = neutral
//         outputs[i] = ...      stage 1: acc' = for folded: ...                for folded: for i in
//         block: acc[i] += ...
//                               row outputs                           stage 1 ...; for i in block:
//                               row outputs
//
// In the middle form accumulators live in registers and carry `reassoc`, so LLVM may keep one per
// lane; in the right one each element has its own, and memory is read in its order. Neighbouring
// loops that every buffer walks as one are one.
#include "lib/Codegen/Emit.h"
#include "lib/Codegen/KernelSpace.h"

#include "dialects/Of/Build.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/AffineExprVisitor.h"

#include "llvm/ADT/STLFunctionalExtras.h"

using namespace mlir;

namespace of {

Type storageType(Type element) {
  if (element.isInteger(1))
    return IntegerType::get(element.getContext(), 8);
  if (auto integer = dyn_cast<IntegerType>(element))
    return IntegerType::get(element.getContext(), integer.getWidth());
  return element;
}

Value loadScalar(OpBuilder &b, Value scalarsPtr, unsigned index) {
  OpBuilder entry = OpBuilder::atBlockBegin(scalarsPtr.getParentBlock());
  Location loc = scalarsPtr.getLoc();
  Value at = LLVM::GEPOp::create(entry, loc, scalarsPtr.getType(), entry.getI64Type(), scalarsPtr,
                                 ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
  return LLVM::LoadOp::create(entry, loc, entry.getI64Type(), at, 8);
}

namespace {

/// Elements a tile should have at least: below this, handing it to another worker costs more than
/// it saves.
constexpr int64_t minTileElements = 4096;
/// Tiles a kernel should have at most.
constexpr int64_t maxTiles = 256;

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Neighbouring loops walked as one.
struct Group {
  unsigned first, last;
  int64_t extent;
  bool folded;
};

/// How the space is walked: its loops, and which of them is walked in blocks with the innermost one because some buffer is contiguous along it; -1 if none.
struct Walk {
  SmallVector<Group> groups;
  int across = -1;
};

/// A flat index as a sum of loop indices times strides.
struct LinearIndex {
  SmallVector<int64_t> strides;
  int64_t constant = 0;
};

/// Adds `factor * expr`; false if the expression is not linear.
bool addLinear(AffineExpr expr, int64_t factor, LinearIndex &out) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return out.constant += factor * constant.getValue(), true;
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return out.strides[dim.getPosition()] += factor, true;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  if (binary.getKind() == AffineExprKind::Add)
    return addLinear(binary.getLHS(), factor, out) && addLinear(binary.getRHS(), factor, out);
  auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() == AffineExprKind::Mul && constant)
    return addLinear(binary.getLHS(), factor * constant.getValue(), out);
  return false;
}

/// What the first emission learns, for the second: which loops can be one.
struct Accesses {
  SmallVector<SmallVector<int64_t>> strides;
  SmallVector<bool> indexed; ///< loops whose own index is asked for
};

class FusedEmitter {
public:
  FusedEmitter(const LocalKernel &kernel, const KernelSpace &space, const Walk &walk,
               func::FuncOp body, ArrayRef<Value> buffers)
      : kernel(kernel), space(space), groups(walk.groups), across(walk.across), body(body),
        buffers(buffers.begin(), buffers.end()), b(body.getContext()), loc(body.getLoc()) {
    b.setInsertionPointToStart(&body.front());
    accesses.indexed.assign(space.extents.size(), false);
    ivs.resize(groups.size());
  }

  int64_t emit();

  Accesses accesses;
  ScalarTable scalars;

private:
  friend class FusedPoint;
  using Body = llvm::function_ref<void()>;
  using FoldBody = llvm::function_ref<SmallVector<Value>(ValueRange)>;

  // ---- Loops ----
  Value constant(int64_t value) { return arith::ConstantIntOp::create(b, loc, value, 64); }
  Value add(Value x, Value y) {
    return arith::AddIOp::create(b, loc, x, y, arith::IntegerOverflowFlags::nsw);
  }
  Value mul(Value x, Value y) {
    return arith::MulIOp::create(b, loc, x, y, arith::IntegerOverflowFlags::nsw);
  }
  SmallVector<Value> forLoop(Value from, Value to, ValueRange initial,
                             llvm::function_ref<SmallVector<Value>(Value, ValueRange)> fill);
  void forLoop(Value from, Value to, llvm::function_ref<void(Value)> fill);
  SmallVector<Value> foldNest(ArrayRef<unsigned> loops, ValueRange initial, FoldBody fill);
  void nest(ArrayRef<unsigned> loops, Body fill);
  void tileLoop(int64_t extent, int64_t chunk, llvm::function_ref<void(Value, Value)> fill);

  // ---- Stages ----
  void rows();
  void rowsAcross(Value from, Value to);
  void blocks(Value from, Value to, int64_t size, llvm::function_ref<void(Value, Value)> fill);
  void rowsWithFoldInside();
  void block(Value from, Value to);
  void outputs(bool afterFold, unsigned stage);
  bool hasWork(unsigned stage) const;
  SmallVector<const Anchor *> foldsOf(unsigned stage) const;

  // ---- Points ----
  Value evaluate(Value value, AffineMap map);
  Value evaluateOp(Operation *op, AffineMap map);
  Value foldedValue(Operation *op);
  Value load(unsigned buffer, Type element, Value flat);
  void store(unsigned buffer, Value value, Value flat);
  Value flatIndex(Value value, AffineMap map);
  Value loopIndex(unsigned loop);
  Value expand(AffineExpr expr);
  Value scalar(const KernelScalar &s);

  // ---- Combiners ----
  Type accumulatorType(const Anchor &anchor) const;
  Value neutral(const Anchor &anchor);
  Value combine(const Anchor &anchor, Value sum, Value value, bool inRegister);
  Value fromAccumulator(const Anchor &anchor, Value value);
  Value toAccumulator(const Anchor &anchor, Value value);
  Value accumulatorAt(const Anchor &anchor);

  const LocalKernel &kernel;
  const KernelSpace &space;
  SmallVector<Group> groups;
  int across;
  func::FuncOp body;
  SmallVector<Value> buffers;
  OpBuilder b;
  Location loc;

  SmallVector<Value> ivs; ///< index of each group
  SmallVector<unsigned> parallel, foldedGroups;
  llvm::DenseMap<std::pair<Value, AffineMap>, Value> memo;
  llvm::DenseMap<Operation *, Value> folds;        ///< folded values in registers
  llvm::DenseMap<Operation *, Value> accumulators; ///< or their blocks on the stack
  llvm::DenseMap<unsigned, Value> loadedScalars;
  Value blockBegin;
  unsigned blockGroup = 0;
  bool foldInside = true;
};

/// What an op sees of the point it is computed at.
class FusedPoint : public PointContext {
public:
  FusedPoint(FusedEmitter &emitter, Operation *original, AffineMap map)
      : emitter(emitter), original(original), map(map), type(tensorType(original->getResult(0))) {}

  Value globalIndex(OpBuilder &b, unsigned dim) override {
    Value local = emitter.expand(map.getResult(dim));
    return toIndex(plusOffset(local, type, dim));
  }
  Value operandOffset(OpBuilder &b, unsigned operand, unsigned dim) override {
    return toIndex(plusOffset(emitter.constant(0), original->getOperand(operand).getType(), dim));
  }
  Value microIndex(OpBuilder &b) override { return toIndex(emitter.scalar({})); }
  ArrayRef<int64_t> logicalShape() const override { return type.getShape(); }

private:
  Value plusOffset(Value index, Type logical, unsigned dim) {
    std::optional<KernelScalar> offset = offsetOf(logical, dim);
    return offset ? emitter.add(index, emitter.scalar(*offset)) : index;
  }
  Value toIndex(Value v) {
    return arith::IndexCastOp::create(emitter.b, emitter.loc, emitter.b.getIndexType(), v);
  }
  FusedEmitter &emitter;
  Operation *original;
  AffineMap map;
  RankedTensorType type;
};

// ---- Loops
// ---------------------------------------------------------------------------------------------------------

SmallVector<Value>
FusedEmitter::forLoop(Value from, Value to, ValueRange initial,
                      llvm::function_ref<SmallVector<Value>(Value, ValueRange)> fill) {
  auto loop = scf::ForOp::create(b, loc, from, to, constant(1), initial,
                                 [&](OpBuilder &inner, Location, Value iv, ValueRange carried) {
                                   OpBuilder::InsertionGuard guard(b);
                                   b.setInsertionPoint(inner.getInsertionBlock(),
                                                       inner.getInsertionPoint());
                                   SmallVector<Value> next = fill(iv, carried);
                                   scf::YieldOp::create(b, loc, next);
                                 });
  return llvm::to_vector(llvm::map_range(loop.getResults(), [](OpResult r) -> Value { return r; }));
}

void FusedEmitter::forLoop(Value from, Value to, llvm::function_ref<void(Value)> fill) {
  forLoop(from, to, ValueRange(), [&](Value iv, ValueRange) {
    fill(iv);
    return SmallVector<Value>();
  });
}

SmallVector<Value> FusedEmitter::foldNest(ArrayRef<unsigned> loops, ValueRange initial,
                                          FoldBody fill) {
  if (loops.empty())
    return fill(initial);
  return forLoop(constant(0), constant(groups[loops[0]].extent), initial,
                 [&](Value iv, ValueRange carried) {
                   ivs[loops[0]] = iv;
                   return foldNest(loops.drop_front(), carried, fill);
                 });
}

void FusedEmitter::nest(ArrayRef<unsigned> loops, Body fill) {
  foldNest(loops, ValueRange(), [&](ValueRange) {
    fill();
    return SmallVector<Value>();
  });
}

/// for tile in [begin, end): fill(tile * chunk, min((tile + 1) * chunk, extent))
void FusedEmitter::tileLoop(int64_t extent, int64_t chunk,
                            llvm::function_ref<void(Value, Value)> fill) {
  unsigned last = body.getNumArguments() - 1;
  forLoop(body.getArgument(last - 1), body.getArgument(last), [&](Value tile) {
    Value from = mul(tile, constant(chunk)), to = add(from, constant(chunk));
    if (extent % chunk || extent == 0)
      to = arith::MinSIOp::create(b, loc, to, constant(extent));
    fill(from, to);
  });
}

// ---- Stages
// --------------------------------------------------------------------------------------------------------

/// Rows of a tile: about `minTileElements`, and no more than `maxTiles` tiles.
static int64_t rowsPerTile(int64_t rows, int64_t elementsPerRow) {
  int64_t chunk = std::max(ceilDiv(minTileElements, std::max<int64_t>(elementsPerRow, 1)),
                           ceilDiv(rows, maxTiles));
  // Flat loops start tiles at whole vectors.
  if (elementsPerRow == 1)
    chunk = ceilDiv(chunk, 64) * 64;
  return std::clamp<int64_t>(chunk, 1, std::max<int64_t>(rows, 1));
}

/// Elements of the innermost loop that are folded into together: enough to read memory in long
/// runs, few enough to stay in the L1 cache.
static int64_t blockSize(int64_t extent) {
  return std::clamp<int64_t>(extent, 1, 1024);
}

/// Sides of the blocks in which a loop is walked whose reads run across its writes: a block of either side stays in the L1 cache.
constexpr int64_t acrossRows = 16, acrossColumns = 64;

int64_t FusedEmitter::emit() {
  int64_t elements = 1;
  for (auto [i, group] : llvm::enumerate(groups)) {
    (group.folded ? foldedGroups : parallel).push_back(i);
    elements *= group.extent;
  }
  foldInside = groups.empty() || foldedGroups.empty() || groups.back().folded;
  int64_t tiles = 1;
  unsigned tiled = 0;
  if (foldInside && parallel.empty()) {
    tileLoop(1, 1, [&](Value, Value) { rowsWithFoldInside(); });
  } else if (parallel.size() == 1 && !foldInside) {
    blockGroup = parallel[0];
    int64_t extent = groups[blockGroup].extent, chunk = blockSize(extent);
    tiles = ceilDiv(extent, chunk);
    tileLoop(extent, chunk, [&](Value from, Value to) { block(from, to); });
  } else {
    tiled = parallel[0];
    int64_t extent = groups[tiled].extent,
            chunk = rowsPerTile(extent, extent ? elements / extent : 1);
    if (across == static_cast<int>(tiled))
      chunk = std::min(ceilDiv(chunk, acrossRows) * acrossRows, extent);
    tiles = ceilDiv(extent, chunk);
    tileLoop(extent, chunk, [&](Value from, Value to) {
      if (across >= 0)
        return rowsAcross(from, to);
      forLoop(from, to, [&](Value iv) {
        ivs[tiled] = iv;
        parallel.erase(parallel.begin());
        rows();
        parallel.insert(parallel.begin(), tiled);
      });
    });
  }
  func::ReturnOp::create(b, loc);
  return std::max<int64_t>(tiles, 1);
}

/// for begin in [from, to) by size: fill(begin, min(begin + size, to))
void FusedEmitter::blocks(Value from, Value to, int64_t size, llvm::function_ref<void(Value, Value)> fill) {
  Value length = arith::SubIOp::create(b, loc, to, from, arith::IntegerOverflowFlags::nsw);
  Value count = arith::DivUIOp::create(b, loc, add(length, constant(size - 1)), constant(size));
  forLoop(constant(0), count, [&](Value index) {
    Value begin = add(from, mul(index, constant(size)));
    fill(begin, arith::MinSIOp::create(b, loc, add(begin, constant(size)), to));
  });
}

/// Rows [from, to) of a kernel without folds that reads across: the loop `across`, along which it reads in order, and the innermost, along which it writes in order,
/// are walked in blocks.
void FusedEmitter::rowsAcross(Value from, Value to) {
  unsigned rows = across, columns = groups.size() - 1, tiled = parallel[0];
  SmallVector<unsigned> others;
  for (unsigned g : parallel)
    if (g != rows && g != columns && g != tiled)
      others.push_back(g);
  auto inBlocks = [&](Value rowFrom, Value rowTo) {
    blocks(rowFrom, rowTo, acrossRows, [&](Value i, Value iEnd) {
      blocks(constant(0), constant(groups[columns].extent), acrossColumns, [&](Value j, Value jEnd) {
        forLoop(i, iEnd, [&](Value row) {
          forLoop(j, jEnd, [&](Value column) {
            ivs[rows] = row;
            ivs[columns] = column;
            rowsWithFoldInside();
          });
        });
      });
    });
  };
  if (rows == tiled)
    return nest(others, [&] { inBlocks(from, to); });
  forLoop(from, to, [&](Value iv) {
    ivs[tiled] = iv;
    nest(others, [&] { inBlocks(constant(0), constant(groups[rows].extent)); });
  });
}

/// The parallel loops below the tiled one.
void FusedEmitter::rows() {
  if (foldInside)
    return nest(parallel, [&] { rowsWithFoldInside(); });
  blockGroup = parallel.back();
  nest(ArrayRef<unsigned>(parallel).drop_back(), [&] {
    int64_t extent = groups[blockGroup].extent;
    blocks(constant(0), constant(extent), blockSize(extent), [&](Value from, Value to) { block(from, to); });
  });
}

bool FusedEmitter::hasWork(unsigned stage) const {
  return llvm::any_of(space.anchors,
                      [&](const Anchor &a) { return a.stage == stage && !a.afterFold; });
}

SmallVector<const Anchor *> FusedEmitter::foldsOf(unsigned stage) const {
  SmallVector<const Anchor *> out;
  for (const Anchor &anchor : space.anchors)
    if (anchor.reduction && anchor.stage == stage)
      out.push_back(&anchor);
  return out;
}

/// Stores the outputs of a stage, or those of the folded space. All values are computed before the
/// first store: an output may lie over an argument.
void FusedEmitter::outputs(bool afterFold, unsigned stage) {
  SmallVector<std::pair<const Anchor *, Value>> values;
  for (const Anchor &anchor : space.anchors)
    if (anchor.result >= 0 && anchor.afterFold == afterFold && (afterFold || anchor.stage == stage))
      values.push_back({&anchor, evaluate(anchor.value, anchor.map)});
  for (auto [anchor, value] : values)
    store(kernel.get().getNumArguments() + anchor->result, value,
          flatIndex(anchor->value, anchor->map));
}

void FusedEmitter::rowsWithFoldInside() {
  for (unsigned stage = 0; stage < space.stages; ++stage) {
    if (!hasWork(stage))
      continue;
    SmallVector<const Anchor *> list = foldsOf(stage);
    SmallVector<Value> initial;
    for (const Anchor *anchor : list)
      initial.push_back(neutral(*anchor));
    SmallVector<Value> sums = foldNest(foldedGroups, initial, [&](ValueRange carried) {
      memo.clear();
      SmallVector<Value> next;
      for (auto [anchor, sum] : llvm::zip(list, carried))
        next.push_back(combine(*anchor, sum, evaluate(anchor->value, anchor->map), true));
      outputs(false, stage);
      return next;
    });
    for (auto [anchor, sum] : llvm::zip(list, sums))
      folds[anchor->reduction] = fromAccumulator(*anchor, sum);
  }
  memo.clear();
  outputs(true, 0);
}

void FusedEmitter::block(Value from, Value to) {
  blockBegin = from;
  int64_t size = blockSize(groups[blockGroup].extent);
  for (unsigned stage = 0; stage < space.stages; ++stage) {
    if (!hasWork(stage))
      continue;
    SmallVector<const Anchor *> list = foldsOf(stage);
    for (const Anchor *anchor : list) {
      OpBuilder entry = OpBuilder::atBlockBegin(&body.front());
      Value count = arith::ConstantIntOp::create(entry, loc, size, 64);
      accumulators[anchor->reduction] =
          LLVM::AllocaOp::create(entry, loc, LLVM::LLVMPointerType::get(b.getContext()),
                                 accumulatorType(*anchor), count, 64);
      forLoop(from, to, [&](Value iv) {
        ivs[blockGroup] = iv;
        Value start = neutral(*anchor);
        LLVM::StoreOp::create(b, loc, start, accumulatorAt(*anchor));
      });
    }
    nest(foldedGroups, [&] {
      forLoop(from, to, [&](Value iv) {
        ivs[blockGroup] = iv;
        memo.clear();
        SmallVector<Value> values;
        for (const Anchor *anchor : list)
          values.push_back(evaluate(anchor->value, anchor->map));
        for (auto [anchor, value] : llvm::zip(list, values)) {
          Value at = accumulatorAt(*anchor);
          Value sum = LLVM::LoadOp::create(b, loc, accumulatorType(*anchor), at);
          LLVM::StoreOp::create(b, loc, combine(*anchor, sum, value, false), at);
        }
        outputs(false, stage);
      });
    });
  }
  forLoop(from, to, [&](Value iv) {
    ivs[blockGroup] = iv;
    memo.clear();
    outputs(true, 0);
  });
}

// ---- Points
// --------------------------------------------------------------------------------------------------------

Value FusedEmitter::evaluate(Value value, AffineMap map) {
  if (auto found = memo.find({value, map}); found != memo.end())
    return found->second;
  Value out;
  if (auto argument = dyn_cast<BlockArgument>(value))
    out = load(argument.getArgNumber(), tensorType(value).getElementType(), flatIndex(value, map));
  else
    out = evaluateOp(value.getDefiningOp(), map);
  return memo[{value, map}] = out;
}

Value FusedEmitter::evaluateOp(Operation *op, AffineMap map) {
  if (isRealReduction(op))
    return foldedValue(op);
  if (AffineMap view = unitViewMap(op))
    return evaluate(op->getOperand(0), simplifyAffineMap(view.compose(map)));
  auto pointwise = cast<PointwiseOpInterface>(op);
  SmallVector<Value> operands;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    operands.push_back(
        evaluate(op->getOperand(i), simplifyAffineMap(pointwise.getOperandMap(i).compose(map))));
  FusedPoint point(*this, kernel.original(op), map);
  return pointwise.buildScalar(b, operands, point);
}

Value FusedEmitter::foldedValue(Operation *op) {
  if (foldInside)
    return folds.lookup(op);
  for (const Anchor &anchor : space.anchors)
    if (anchor.reduction == op)
      return fromAccumulator(
          anchor, LLVM::LoadOp::create(b, loc, accumulatorType(anchor), accumulatorAt(anchor)));
  return {};
}

Value FusedEmitter::accumulatorAt(const Anchor &anchor) {
  Value at =
      arith::SubIOp::create(b, loc, ivs[blockGroup], blockBegin, arith::IntegerOverflowFlags::nsw);
  return LLVM::GEPOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()),
                             accumulatorType(anchor), accumulators.lookup(anchor.reduction),
                             ArrayRef<LLVM::GEPArg>{at}, LLVM::GEPNoWrapFlags::inbounds);
}

Value FusedEmitter::load(unsigned buffer, Type element, Value flat) {
  Type stored = storageType(element);
  Value at = LLVM::GEPOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()), stored,
                                 buffers[buffer], ArrayRef<LLVM::GEPArg>{flat},
                                 LLVM::GEPNoWrapFlags::inbounds);
  Value value = LLVM::LoadOp::create(b, loc, stored, at);
  if (!element.isInteger(1))
    return value;
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, value,
                               arith::ConstantOp::create(b, loc, b.getZeroAttr(stored)));
}

void FusedEmitter::store(unsigned buffer, Value value, Value flat) {
  Type stored = storageType(value.getType());
  if (value.getType().isInteger(1))
    value = arith::ExtUIOp::create(b, loc, stored, value);
  Value at = LLVM::GEPOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()), stored,
                                 buffers[buffer], ArrayRef<LLVM::GEPArg>{flat},
                                 LLVM::GEPNoWrapFlags::inbounds);
  LLVM::StoreOp::create(b, loc, value, at);
}

Value FusedEmitter::flatIndex(Value value, AffineMap map) {
  ArrayRef<int64_t> shape = tensorType(value).getShape();
  AffineExpr flat = getAffineConstantExpr(0, b.getContext());
  for (auto [size, expr] : llvm::zip(shape, map.getResults()))
    flat = flat * size + expr;
  flat = simplifyAffineExpr(flat, map.getNumDims(), 0);
  LinearIndex linear;
  linear.strides.assign(space.extents.size(), 0);
  if (!addLinear(flat, 1, linear))
    return expand(flat);
  accesses.strides.push_back(linear.strides);
  Value out;
  for (auto [i, group] : llvm::enumerate(groups)) {
    int64_t stride = linear.strides[group.last];
    if (stride == 0)
      continue;
    Value term = stride == 1 ? ivs[i] : mul(ivs[i], constant(stride));
    out = out ? add(out, term) : term;
  }
  if (!out)
    return constant(linear.constant);
  return linear.constant ? add(out, constant(linear.constant)) : out;
}

Value FusedEmitter::loopIndex(unsigned loop) {
  accesses.indexed[loop] = true;
  for (auto [i, group] : llvm::enumerate(groups))
    if (group.first <= loop && loop <= group.last) {
      Value index = ivs[i];
      int64_t below = 1;
      for (unsigned d = loop + 1; d <= group.last; ++d)
        below *= space.extents[d];
      if (below != 1)
        index = arith::DivUIOp::create(b, loc, index, constant(below));
      if (loop != group.first)
        index = arith::RemUIOp::create(b, loc, index, constant(space.extents[loop]));
      return index;
    }
  return constant(0);
}

Value FusedEmitter::expand(AffineExpr expr) {
  if (auto c = dyn_cast<AffineConstantExpr>(expr))
    return constant(c.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return loopIndex(dim.getPosition());
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value x = expand(binary.getLHS()), y = expand(binary.getRHS());
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return add(x, y);
  case AffineExprKind::Mul:
    return mul(x, y);
  case AffineExprKind::FloorDiv: // indices are not negative
    return arith::DivUIOp::create(b, loc, x, y);
  case AffineExprKind::CeilDiv:
    return arith::CeilDivUIOp::create(b, loc, x, y);
  default:
    return arith::RemUIOp::create(b, loc, x, y);
  }
}

Value FusedEmitter::scalar(const KernelScalar &s) {
  unsigned index = scalars.indexOf(s);
  Value &value = loadedScalars[index];
  if (!value)
    value = loadScalar(b, body.getArgument(body.getNumArguments() - 3), index);
  return value;
}

// ---- Combiners
// -----------------------------------------------------------------------------------------------------

static Type elementOf(const Anchor &anchor) { return tensorType(anchor.value).getElementType(); }
static SbpKind combinerOf(const Anchor &anchor) {
  return cast<ReductionOpInterface>(anchor.reduction).getCombiner();
}

/// Halves are summed in f32.
Type FusedEmitter::accumulatorType(const Anchor &anchor) const {
  Type element = elementOf(anchor);
  auto floating = dyn_cast<FloatType>(element);
  return floating && floating.getWidth() < 32 ? Float32Type::get(element.getContext())
                                              : storageType(element);
}

Value FusedEmitter::toAccumulator(const Anchor &anchor, Value value) {
  Type type = accumulatorType(anchor);
  if (value.getType() == type)
    return value;
  return isa<FloatType>(type) ? arith::ExtFOp::create(b, loc, type, value).getResult()
                              : arith::ExtUIOp::create(b, loc, type, value).getResult();
}

Value FusedEmitter::fromAccumulator(const Anchor &anchor, Value value) {
  Type element = elementOf(anchor);
  if (isa<FloatType>(element))
    return element == value.getType() ? value
                                      : arith::TruncFOp::create(b, loc, element, value).getResult();
  return element.isInteger(1) ? arith::TruncIOp::create(b, loc, element, value).getResult() : value;
}

Value FusedEmitter::neutral(const Anchor &anchor) {
  Type type = accumulatorType(anchor);
  SbpKind kind = combinerOf(anchor);
  if (kind == SbpKind::PartialSum)
    return arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  bool isMax = kind == SbpKind::PartialMax;
  if (auto floating = dyn_cast<FloatType>(type))
    return arith::ConstantOp::create(
        b, loc, b.getFloatAttr(type, APFloat::getInf(floating.getFloatSemantics(), isMax)));
  unsigned width = type.getIntOrFloatBitWidth();
  bool isUnsigned = elementOf(anchor).isUnsignedInteger() || elementOf(anchor).isInteger(1);
  APInt value = isUnsigned
                    ? (isMax ? APInt::getMinValue(width) : APInt::getMaxValue(width))
                    : (isMax ? APInt::getSignedMinValue(width) : APInt::getSignedMaxValue(width));
  return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, value));
}

Value FusedEmitter::combine(const Anchor &anchor, Value sum, Value value, bool inRegister) {
  value = toAccumulator(anchor, value);
  bool isFloat = isa<FloatType>(sum.getType());
  bool isUnsigned = elementOf(anchor).isUnsignedInteger() || elementOf(anchor).isInteger(1);
  switch (combinerOf(anchor)) {
  case SbpKind::PartialMax:
    if (isFloat)
      return arith::MaximumFOp::create(b, loc, sum, value);
    return isUnsigned ? arith::MaxUIOp::create(b, loc, sum, value).getResult()
                      : arith::MaxSIOp::create(b, loc, sum, value).getResult();
  case SbpKind::PartialMin:
    if (isFloat)
      return arith::MinimumFOp::create(b, loc, sum, value);
    return isUnsigned ? arith::MinUIOp::create(b, loc, sum, value).getResult()
                      : arith::MinSIOp::create(b, loc, sum, value).getResult();
  default:
    break;
  }
  if (!isFloat)
    return arith::AddIOp::create(b, loc, sum, value);
  auto flags = inRegister ? arith::FastMathFlags::reassoc : arith::FastMathFlags::none;
  return arith::AddFOp::create(b, loc, sum, value, flags);
}

// ---- From kernel to function
// ----------------------------------------------------------------------------------------

/// Loops k and k+1 are one if every buffer walks them so and no op asks for their index.
SmallVector<Group> collapse(const KernelSpace &space, const Accesses &accesses) {
  SmallVector<Group> groups;
  for (unsigned k = 0; k < space.extents.size(); ++k) {
    bool joins = k > 0 && space.folded[k] == space.folded[k - 1] && !accesses.indexed[k] &&
                 !accesses.indexed[k - 1];
    for (const SmallVector<int64_t> &strides : accesses.strides)
      joins = joins && strides[k - 1] == strides[k] * space.extents[k];
    if (joins) {
      groups.back().last = k;
      groups.back().extent *= space.extents[k];
    } else {
      groups.push_back({k, k, space.extents[k], space.folded[k]});
    }
  }
  return groups;
}

/// The group along which some buffer is contiguous while it is not along the innermost one; -1 if there is none or it would not pay.
int readAcross(ArrayRef<Group> groups, const Accesses &accesses) {
  if (groups.size() < 2 || groups.back().extent < acrossRows || llvm::any_of(groups, [](const Group &g) { return g.folded; }))
    return -1;
  for (const SmallVector<int64_t> &strides : accesses.strides)
    if (strides[groups.back().last] > 1)
      for (unsigned g = 0; g + 1 < groups.size(); ++g)
        if (strides[groups[g].last] == 1 && groups[g].extent >= acrossRows)
          return g;
  return -1;
}

SmallVector<Group> separate(const KernelSpace &space) {
  SmallVector<Group> groups;
  for (unsigned k = 0; k < space.extents.size(); ++k)
    groups.push_back({k, k, space.extents[k], space.folded[k]});
  return groups;
}

struct BufferSignature {
  SmallVector<unsigned> buffers; ///< of the function's leading arguments
  SmallVector<int> argumentOf;   ///< function argument of each buffer of the kernel
};

/// Buffers of the kernel as arguments of the function; an argument that a result is written over
/// shares the result's.
BufferSignature signatureOf(const LocalKernel &kernel) {
  BufferSignature s;
  unsigned arguments = kernel.get().getNumArguments(), count = arguments + kernel.results().size();
  s.argumentOf.assign(count, -1);
  SmallVector<int> over(count, -1);
  for (unsigned r = 0; r + arguments < count; ++r)
    if (int under = kernel.argumentUnder(r); under >= 0)
      over[under] = arguments + r;
  for (unsigned i = 0; i < count; ++i)
    if (over[i] < 0) {
      s.argumentOf[i] = s.buffers.size();
      s.buffers.push_back(i);
    }
  for (unsigned i = 0; i < count; ++i)
    if (over[i] >= 0)
      s.argumentOf[i] = s.argumentOf[over[i]];
  return s;
}

func::FuncOp makeFunction(ModuleOp module, Location loc, unsigned buffers) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  SmallVector<Type> types(buffers + 1, LLVM::LLVMPointerType::get(b.getContext()));
  types.append(2, b.getI64Type());
  auto function = func::FuncOp::create(b, loc, "kernel", b.getFunctionType(types, {}));
  for (unsigned i = 0; i <= buffers; ++i)
    function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
  function.addEntryBlock();
  return function;
}

LogicalResult checkInPlace(const LocalKernel &kernel) {
  func::FuncOp func = kernel.get();
  for (unsigned i = 0; i < func.getNumArguments(); ++i) {
    auto attr = func.getArgAttrOfType<IntegerAttr>(i, inPlaceAttrName);
    if (attr && (attr.getInt() < 0 || attr.getInt() >= static_cast<int64_t>(func.getNumResults()) ||
                 !canShareBuffer(func, i, attr.getInt())))
      return emitError(func.getLoc())
             << "argument " << i << " of this kernel cannot lie in the buffer of result "
             << attr.getInt()
             << ": they differ in type, or an element is read after it is written; drop "
             << inPlaceAttrName;
  }
  return success();
}

} // namespace

FailureOr<EmittedKernel> emitFused(const LocalKernel &kernel, ModuleOp module) {
  std::string why;
  Operation *whyOp = nullptr;
  FailureOr<KernelSpace> space = analyseKernel(kernel.ops(), kernel.results(), why, whyOp);
  if (failed(space)) {
    (whyOp ? whyOp->emitOpError() : emitError(kernel.get().getLoc())) << why;
    return failure();
  }
  if (failed(checkInPlace(kernel)))
    return failure();
  BufferSignature signature = signatureOf(kernel);
  EmittedKernel out;
  out.buffers = signature.buffers;
  Walk walk{separate(*space)};
  for (bool first : {true, false}) {
    func::FuncOp body = makeFunction(module, kernel.get().getLoc(), signature.buffers.size());
    SmallVector<Value> buffers;
    for (int argument : signature.argumentOf)
      buffers.push_back(body.getArgument(argument));
    FusedEmitter emitter(kernel, *space, walk, body, buffers);
    out.tiles = emitter.emit();
    out.scalars = emitter.scalars.list;
    out.body = body;
    walk.groups = collapse(*space, emitter.accesses);
    walk.across = readAcross(walk.groups, emitter.accesses);
    if (!first || (walk.groups.size() == space->extents.size() && walk.across < 0))
      break;
    body.erase();
  }
  return out;
}

bool canShareBuffer(func::FuncOp kernel, unsigned argument, unsigned result) {
  SmallVector<Operation *> ops;
  for (Operation &op : kernel.front().without_terminator())
    ops.push_back(&op);
  ValueRange results = kernel.front().getTerminator()->getOperands();
  if (result >= results.size() || argument >= kernel.getNumArguments() ||
      kernel.getArgument(argument).getType() != results[result].getType())
    return false;
  std::string why;
  Operation *whyOp = nullptr;
  FailureOr<KernelSpace> space = analyseKernel(ops, results, why, whyOp);
  return succeeded(space) && readsOnlyOwnElement(*space, kernel.getArgument(argument), result);
}

} // namespace of
