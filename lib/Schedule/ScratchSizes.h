// How much scratch memory library routines take, and which libraries these are: asked of `of-run
// probe --scratch`, because only the runtime links them.
#pragma once

#include "dialects/Of/Of.h"

#include <string>
#include <vector>

namespace of {

struct ScratchQuery {
  LibraryCall call;
  int64_t tiles = 1;
};

struct LibraryAnswer {
  std::vector<int64_t> scratch; ///< bytes for each query
  std::vector<std::pair<std::string, std::string>> versions;
};

/// `ofRun`: the program to ask; empty for the one beside this executable.
/// Errors are emitted at `loc`.
mlir::FailureOr<LibraryAnswer> askLibraries(mlir::Location loc, llvm::StringRef ofRun,
                                            llvm::ArrayRef<ScratchQuery> queries);

} // namespace of
