// The iteration space of a fused kernel: which dims of which values are the same loop, which are
// folded, and in how many passes over the folded dims it is done.
//
// An anchor is a value that some loop nest computes for its own sake: the operand of a reduction,
// or a result of the kernel. Everything else is computed where an anchor needs it. Works on logical
// and on local shapes alike. Borrowed values; no threads.
//
//   softmax over [n, c]:   anchor 0: operand of max      stage 0   dims (n, c)   folds c
//                          anchor 1: operand of sum      stage 1   dims (n, c)   folds c
//                          anchor 2: the quotient        stage 2   dims (n, c)   result
#pragma once

#include "dialects/Of/Of.h"

#include "mlir/IR/AffineMap.h"

namespace of {

struct Anchor {
  mlir::Value value;
  /// The reduction this is the operand of; null for a result of the kernel.
  mlir::Operation *reduction = nullptr;
  /// Index among the kernel's results, -1 for reductions.
  int result = -1;
  /// Pass over the folded dims: one more than that of any reduction it needs.
  unsigned stage = 0;
  /// Lacks the folded dims: is computed once all passes are done.
  bool afterFold = false;
  /// Loop dims to the value's index.
  mlir::AffineMap map;
};

/// An argument read on behalf of an anchor, at a loop point.
struct ArgumentRead {
  mlir::Value argument;
  unsigned anchor;
  mlir::AffineMap map;
};

struct KernelSpace {
  llvm::SmallVector<int64_t> extents;
  llvm::SmallVector<bool> folded;
  llvm::SmallVector<Anchor> anchors;
  llvm::SmallVector<ArgumentRead> reads;
  unsigned stages = 1;

  bool hasFolds() const { return llvm::is_contained(folded, true); }
};

/// Analyses ops in program order; `results` are values of theirs. On failure `why` says what does
/// not fit, at `whyOp`.
mlir::FailureOr<KernelSpace> analyseKernel(llvm::ArrayRef<mlir::Operation *> ops,
                                           mlir::ValueRange results, std::string &why,
                                           mlir::Operation *&whyOp);

/// The operand of a view or of a reduction of size-1 dims as a map from result indices, null for
/// other ops: its elements are the result's, in the same order.
mlir::AffineMap unitViewMap(mlir::Operation *op);

/// Is the op a fold that is not of size-1 dims alone?
bool isRealReduction(mlir::Operation *op);

/// Is the argument read only where result `result` is about to write the same element?
bool readsOnlyOwnElement(const KernelSpace &space, mlir::Value argument, unsigned result);

} // namespace of
