// How much scratch memory library routines take: asked of `of-run probe --scratch`, because only
// the runtime links the libraries.
#pragma once

#include "dialects/Of/Of.h"

#include <string>
#include <vector>

namespace of {

struct ScratchQuery {
  LibraryCall call;
  int64_t tiles = 1;
};

/// Bytes for each query. `ofRun`: the program to ask; empty for the one beside this executable.
/// Errors are emitted at `loc`.
mlir::FailureOr<std::vector<int64_t>> scratchSizes(mlir::Location loc, llvm::StringRef ofRun,
                                                   llvm::ArrayRef<ScratchQuery> queries);

} // namespace of
