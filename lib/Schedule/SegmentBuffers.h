// Where the values of one segment lie: in the slot of a port, in a variable, or in a temporary.
//
// `settle` makes the choice possible and records it in the IR: a value that cannot be written
// straight into its variable or accumulator gets a copy at the end of the segment, and results that
// may take the buffer of a dying argument do (`in_place`). Afterwards every set's value is the
// result of a kernel that writes the variable. Borrows the IR.
//
//   direct write of a variable by kernel k:   every reader of the old value in this segment comes
//   before k, or is k itself and reads each element before it writes it
#pragma once

#include "lib/Schedule/TaskList.h"

#include <vector>

namespace of {

/// Bytes that live while kernels [first, last] of a segment run.
struct TemporaryBuffer {
  int64_t first = 0, last = 0, bytes = 0;
  llvm::SmallVector<mlir::OpResult> values; ///< kernel results that lie in it, one after the other
  task::KernelOp scratchOf;                 ///< or the scratch of this kernel
};

class SegmentBuffers {
public:
  explicit SegmentBuffers(task::SegmentOp segment) : segment(segment) {}

  void settle();
  /// After settle. Scratch is in the attribute `task.scratch` of kernels: bytes, then offset.
  std::vector<TemporaryBuffer> temporaries();

private:
  llvm::SmallVector<task::KernelOp> kernels() const;
  mlir::Value copyAtEnd(mlir::Value value);
  bool writesDirectly(SetOp set, llvm::DenseSet<mlir::Value> &taken);
  bool canTake(task::KernelOp kernel, unsigned argument, unsigned result);
  void setsLast();
  void settleAccumulators();
  void settleSets();
  void shareDying();
  void updateCalls();
  void index();
  void indexLast(task::KernelOp kernel);
  int64_t lastUse(mlir::Value root) const { return lastUses.lookup(root); }

  task::SegmentOp segment;
  llvm::DenseMap<mlir::Operation *, int64_t> position; ///< of kernels
  llvm::DenseMap<mlir::Value, int64_t> lastUses;       ///< by root: index of the last kernel
  /// By variable: where kernels read it or views of it, in order of the kernels.
  llvm::DenseMap<llvm::StringRef, llvm::SmallVector<mlir::OpOperand *>> variableReads;
  llvm::DenseMap<mlir::Operation *, mlir::OwningOpRef<mlir::ModuleOp>> functions;
};

/// Follows views inside a segment.
mlir::Value segmentRoot(mlir::Value value);

} // namespace of
