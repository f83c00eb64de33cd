#include "lib/Import/Freeze.h"

#include "dialects/Of/Of.h"

#include "llvm/Support/GlobPattern.h"

using namespace mlir;

namespace of {

// Why nothing was frozen, or "".
static std::string freeze(func::FuncOp model, const std::string &pattern) {
  llvm::Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(pattern);
  if (!glob)
    return "'" + pattern + "' is no pattern: " + llvm::toString(glob.takeError());
  bool found = false;
  for (ParameterOp op : model.getOps<ParameterOp>()) {
    if (!glob->match(op.getName()))
      continue;
    op.setFrozen(true);
    found = true;
  }
  return found ? "" : "the model has no parameter '" + pattern + "' to freeze";
}

void freezeParameters(func::FuncOp model, ArrayRef<JobPattern> patterns, config::Report &report) {
  for (const JobPattern &pattern : patterns)
    if (std::string problem = freeze(model, pattern.text); !problem.empty())
      report.add(pattern.at, problem);
}

LogicalResult freezeParameters(func::FuncOp model, ArrayRef<std::string> patterns) {
  bool good = true;
  for (const std::string &pattern : patterns)
    if (std::string problem = freeze(model, pattern); !problem.empty()) {
      emitError(UnknownLoc::get(model.getContext())) << "--freeze: " << problem;
      good = false;
    }
  return success(good);
}

} // namespace of
