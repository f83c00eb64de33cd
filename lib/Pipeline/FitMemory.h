// Choices that fit the memory of devices as it is laid out.
//
//   of-distribute, by its estimate of bytes ─▶ … ─▶ of-assign-memory: bytes of a chunk
//          ▲                                                 │
//          └──────────── a factor on the estimate ◀──────────┘
//
// The search counts bytes before there are kernels, orders and buffers in place, so it may be above
// or below what a device needs. Where that may matter its choice is laid out. A layout that is too
// large is scheduled again with a limit on the slots of registers, which leaves fewer micro-batches
// under way. Where that is not enough the search tries again with its estimate put right by the
// layout, as it does where memory made the choice slower than it could be and some is left. A
// bounded number of times; the fastest that fits is taken.
#pragma once

#include "lib/Export/KernelObjects.h"
#include "lib/Pipeline/Rungs.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace of {

struct MemoryFit {
  double factor = 1;                        ///< on the search's estimate
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< at rung distribute, with that factor
  /// The same at rung schedule, where it was laid out without an error; else none.
  mlir::OwningOpRef<mlir::ModuleOp> laidOut;
  std::unique_ptr<EarlyKernels> kernels; ///< of `laidOut`, if a plan is wanted
};

/// For a module at a rung before distribute, which stays as it is. Errors as by the passes of these
/// rungs. Where nothing fits as laid out the result is the last that was tried, and
/// of-assign-memory has the error.
mlir::FailureOr<MemoryFit> fitMemory(mlir::ModuleOp module, Rung reached, bool wantsPlan = false);

} // namespace of
