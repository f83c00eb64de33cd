// Loops and stages of a fused kernel.
#include "lib/Codegen/FusedEmitter.h"

#include "dialects/Of/Build.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace of {

/// Elements a tile should have at least: below this, handing it to another worker costs more than
/// it saves.
static constexpr int64_t minTileElements = 4096;
/// Tiles a kernel should have at most.
static constexpr int64_t maxTiles = 256;

static int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// ---- Loops ----

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

// ---- Stages ----

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
static int64_t blockSize(int64_t extent) { return std::clamp<int64_t>(extent, 1, 1024); }

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
void FusedEmitter::blocks(Value from, Value to, int64_t size,
                          llvm::function_ref<void(Value, Value)> fill) {
  Value length = arith::SubIOp::create(b, loc, to, from, arith::IntegerOverflowFlags::nsw);
  Value count = arith::DivUIOp::create(b, loc, add(length, constant(size - 1)), constant(size));
  forLoop(constant(0), count, [&](Value index) {
    Value begin = add(from, mul(index, constant(size)));
    fill(begin, arith::MinSIOp::create(b, loc, add(begin, constant(size)), to));
  });
}

/// Rows [from, to) of a kernel without folds that reads across: the loop `across`, along which it
/// reads in order, and the innermost, along which it writes in order, are walked in blocks.
void FusedEmitter::rowsAcross(Value from, Value to) {
  unsigned rows = across, columns = groups.size() - 1, tiled = parallel[0];
  SmallVector<unsigned> others;
  for (unsigned g : parallel)
    if (g != rows && g != columns && g != tiled)
      others.push_back(g);
  auto inBlocks = [&](Value rowFrom, Value rowTo) {
    blocks(rowFrom, rowTo, acrossRows, [&](Value i, Value iEnd) {
      blocks(constant(0), constant(groups[columns].extent), acrossColumns,
             [&](Value j, Value jEnd) {
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
    blocks(constant(0), constant(extent), blockSize(extent),
           [&](Value from, Value to) { block(from, to); });
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

} // namespace of
