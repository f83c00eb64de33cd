// How many micro-batches make a step fastest, where the job leaves that open.
//
// Shapes follow from the number, so each is imported and compiled to the distribute rung; more of
// them make pipelines fuller and need less memory, and cost launches and exchanges. Numbers are
// tried in ascending order until two in a row are slower than the best before.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <optional>
#include <vector>

namespace of {

struct MicroBatches {
  int64_t count = 1;
  std::optional<double> seconds; ///< of a step; none: it does not fit
};

struct MicroBatchSearch {
  std::vector<MicroBatches> tried; ///< in this order
  int64_t best =
      1; ///< the fastest; the last that was tried if none fits, so that compiling it says why
};

/// Of `choices`, which are ascending and not empty. `import` gives the module for a number. Errors
/// are not shown.
MicroBatchSearch
searchMicroBatches(mlir::MLIRContext &context, llvm::ArrayRef<int64_t> choices,
                   llvm::function_ref<mlir::OwningOpRef<mlir::ModuleOp>(int64_t)> import);

} // namespace of
