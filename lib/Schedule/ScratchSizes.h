// How much scratch memory library routines take, and which libraries these are: asked of `of-run
// probe --scratch`, because only the runtime links them.
#pragma once

#include "dialects/Task/Task.h"
#include "lib/Cost/Cluster.h"

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

/// Asks for the scratch of all kernels of a program and writes it into `task.scratch` (bytes, 0);
/// the largest answer serves all devices. Versions go into the module's `task.libraries`.
mlir::LogicalResult findScratch(task::ProgramOp program, const Cluster &cluster,
                                llvm::StringRef ofRun);

} // namespace of
