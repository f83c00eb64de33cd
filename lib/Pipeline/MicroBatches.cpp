#include "lib/Pipeline/MicroBatches.h"

#include "lib/Distribute/Requests.h"
#include "lib/Pipeline/Rungs.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;

namespace of {

/// What one number takes, and how much memory was taken for more than there is.
struct Weighed {
  double seconds = 0, round = 0;
  bool isBetterThan(const Weighed &other) const {
    return round != other.round ? round < other.round : seconds < other.seconds * (1 - 1e-9);
  }
};

static std::optional<Weighed> weigh(ModuleOp module) {
  SearchRequests requests;
  requests.weigh = true;
  setRequests(module, requests);
  PassManager passes(module.getContext());
  addPasses(passes, Rung::Import, Rung::Distribute);
  if (failed(passes.run(module)))
    return std::nullopt;
  auto weighed = module->getAttrOfType<ArrayAttr>(weighedAttrName);
  if (!weighed)
    return std::nullopt;
  auto number = [&](unsigned i) { return cast<FloatAttr>(weighed[i]).getValueAsDouble(); };
  return Weighed{number(0), number(1)};
}

MicroBatchSearch searchMicroBatches(MLIRContext &context, ArrayRef<int64_t> choices,
                                    llvm::function_ref<OwningOpRef<ModuleOp>(int64_t)> import) {
  ScopedDiagnosticHandler handler(&context, [](Diagnostic &) { return success(); });
  MicroBatchSearch out;
  out.best = choices.back();
  std::optional<Weighed> best;
  int slower = 0;
  for (int64_t count : choices) {
    OwningOpRef<ModuleOp> module = import(count);
    const std::optional<Weighed> now = module ? weigh(*module) : std::nullopt;
    out.tried.push_back({count, now ? std::optional(now->seconds) : std::nullopt});
    if (now && (!best || now->isBetterThan(*best))) {
      best = now;
      out.best = count;
      slower = 0;
    } else if (best && best->round == 0 && ++slower == 2) {
      break;
    }
  }
  return out;
}

} // namespace of
