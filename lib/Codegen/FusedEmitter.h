// Loops of a fused kernel, written once for a given walk over its space.
//
//   no fold               fold of the innermost loop        fold of outer loops
//   for tile              for tile                          for tile
//     for rows of tile      for rows of tile                  for blocks of the innermost loop
//       for ... inner         stage 0: s = for folded ...       stage 0: s[block] = for folded ...
//         outputs             stage 1: t = for folded ...       stage 1: t[block] = for folded ...
//                             outputs of the row                for i in block: outputs
//
// In the middle form accumulators live in registers and carry `reassoc`, so LLVM may keep one per
// lane; in the right one each element has its own on the stack, and memory is read in its order.
// Neighbouring loops that every buffer walks as one are one. A kernel that reads across what it
// writes (a transpose) walks the two loops in blocks.
//
// FusedLoops.cpp has loops and stages, FusedPoints.cpp what happens at a point, FusedFolds.cpp the
// accumulators. An emitter borrows kernel, space and function, and is used once.
#pragma once

#include "lib/Codegen/Emit.h"
#include "lib/Codegen/KernelSpace.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace of {

/// Neighbouring loops walked as one.
struct Group {
  unsigned first, last;
  int64_t extent;
  bool folded;
};

/// Sides of the blocks in which loops are walked that read across what they write: a cache line
/// long, and so few lines that those of one block do not evict each other where strides are powers
/// of two. (16 x 64 is faster for other strides and slower for these.)
inline constexpr int64_t acrossRows = 16, acrossColumns = 16;

/// How the space is walked: its loops, and which of them is walked in blocks with the innermost one
/// because some buffer is contiguous along it; -1 if none.
struct Walk {
  llvm::SmallVector<Group> groups;
  int across = -1;
};

/// What the first emission learns, for the second: which loops can be one.
struct Accesses {
  llvm::SmallVector<llvm::SmallVector<int64_t>> strides;
  llvm::SmallVector<bool> indexed; ///< loops whose own index is asked for
};

class FusedEmitter {
public:
  FusedEmitter(const LocalKernel &kernel, const KernelSpace &space, const Walk &walk,
               mlir::func::FuncOp body, llvm::ArrayRef<mlir::Value> buffers)
      : kernel(kernel), space(space), groups(walk.groups), across(walk.across), body(body),
        buffers(buffers.begin(), buffers.end()), b(body.getContext()), loc(body.getLoc()) {
    b.setInsertionPointToStart(&body.front());
    accesses.indexed.assign(space.extents.size(), false);
    ivs.resize(groups.size());
  }

  int64_t emit();

  Accesses accesses;
  ScalarTable scalars;
  /// Values of the numbers that the body takes behind its buffers.
  llvm::SmallVector<int64_t> numbers;

private:
  friend class FusedPoint;
  using Body = llvm::function_ref<void()>;
  using FoldBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::ValueRange)>;

  // ---- Loops ----
  mlir::Value constant(int64_t value) {
    return mlir::arith::ConstantIntOp::create(b, loc, value, 64);
  }
  mlir::Value add(mlir::Value x, mlir::Value y) {
    return mlir::arith::AddIOp::create(b, loc, x, y, mlir::arith::IntegerOverflowFlags::nsw);
  }
  mlir::Value mul(mlir::Value x, mlir::Value y) {
    return mlir::arith::MulIOp::create(b, loc, x, y, mlir::arith::IntegerOverflowFlags::nsw);
  }
  llvm::SmallVector<mlir::Value>
  forLoop(mlir::Value from, mlir::Value to, mlir::ValueRange initial,
          llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> fill);
  void forLoop(mlir::Value from, mlir::Value to, llvm::function_ref<void(mlir::Value)> fill);
  llvm::SmallVector<mlir::Value> foldNest(llvm::ArrayRef<unsigned> loops, mlir::ValueRange initial,
                                          FoldBody fill);
  void nest(llvm::ArrayRef<unsigned> loops, Body fill);
  void tileLoop(int64_t extent, int64_t chunk,
                llvm::function_ref<void(mlir::Value, mlir::Value)> fill);

  // ---- Stages ----
  void rows();
  void rowsAcross(mlir::Value from, mlir::Value to);
  void blocks(mlir::Value from, mlir::Value to, int64_t size,
              llvm::function_ref<void(mlir::Value, mlir::Value)> fill);
  void rowsWithFoldInside();
  void block(mlir::Value from, mlir::Value to);
  void outputs(bool afterFold, unsigned stage);
  bool hasWork(unsigned stage) const;
  llvm::SmallVector<const Anchor *> foldsOf(unsigned stage) const;

  // ---- Points ----
  mlir::Value evaluate(mlir::Value value, mlir::AffineMap map);
  mlir::Value evaluateOp(mlir::Operation *op, mlir::AffineMap map);
  mlir::Value foldedValue(mlir::Operation *op);
  mlir::Value load(unsigned buffer, mlir::Type element, mlir::Value flat);
  void store(unsigned buffer, mlir::Value value, mlir::Value flat);
  mlir::Value flatIndex(mlir::Value value, mlir::AffineMap map);
  mlir::Value loopIndex(unsigned loop);
  mlir::Value expand(mlir::AffineExpr expr);
  mlir::Value scalar(const KernelScalar &s);
  mlir::Value number(mlir::Operation *op, int64_t value);

  // ---- Combiners ----
  mlir::Type accumulatorType(const Anchor &anchor) const;
  mlir::Value neutral(const Anchor &anchor);
  mlir::Value combine(const Anchor &anchor, mlir::Value sum, mlir::Value value, bool inRegister);
  mlir::Value fromAccumulator(const Anchor &anchor, mlir::Value value);
  mlir::Value toAccumulator(const Anchor &anchor, mlir::Value value);
  mlir::Value accumulatorAt(const Anchor &anchor);

  const LocalKernel &kernel;
  const KernelSpace &space;
  llvm::SmallVector<Group> groups;
  int across;
  mlir::func::FuncOp body;
  llvm::SmallVector<mlir::Value> buffers;
  mlir::OpBuilder b;
  mlir::Location loc;

  llvm::SmallVector<mlir::Value> ivs; ///< index of each group
  llvm::SmallVector<unsigned> parallel, foldedGroups;
  llvm::DenseMap<std::pair<mlir::Value, mlir::AffineMap>, mlir::Value> memo;
  llvm::DenseMap<mlir::Operation *, mlir::Value> folds;        ///< folded values in registers
  llvm::DenseMap<mlir::Operation *, mlir::Value> accumulators; ///< or their blocks on the stack
  llvm::DenseMap<unsigned, mlir::Value> loadedScalars;
  llvm::DenseMap<std::pair<mlir::Operation *, int64_t>, mlir::Value> numberOf; ///< of an op
  mlir::Value blockBegin;
  unsigned blockGroup = 0;
  bool foldInside = true;
};

} // namespace of
