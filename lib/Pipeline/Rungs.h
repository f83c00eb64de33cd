// The ladder: which passes lead to which rung, in order. The one place that knows it.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

namespace of {

/// Rungs of of-compile after import, in order. Each is the state of the module when its passes are
/// done.
enum class Rung { Import, Train, Distribute, Physical, Schedule, Export };

/// "import", "train", ...
llvm::StringRef nameOf(Rung rung);
std::optional<Rung> rungOf(llvm::StringRef name);
std::string listRungs();

/// Passes that lead from the end of rung `from` to the end of rung `to`, and the verifier behind
/// each rung, in place of that behind each pass.
void addPasses(mlir::PassManager &passes, Rung from, Rung to);
/// Runs them, with what the command line asks of passes.
mlir::LogicalResult runPasses(mlir::ModuleOp module, Rung from, Rung to);

} // namespace of
