#include "lib/Pipeline/FitMemory.h"

#include "dialects/Task/Task.h"
#include "lib/Config/Attributes.h"
#include "lib/Cost/Cluster.h"
#include "lib/Distribute/Requests.h"

#include "mlir/IR/Diagnostics.h"

#include <cmath>
#include <numeric>

using namespace mlir;

namespace of {

/// Searches for one module.
static constexpr int mostRounds = 4;

/// A layout that takes so much of the memory is not worth another search.
static constexpr double nearlyAll = 0.97;

/// Estimates are never as far off as this: below it a layout is not asked for.
static constexpr double surelyEnough = 0.5;

/// A layout differs a little from the one before; factors that differ less are the same.
static constexpr double margin = 0.005;

template <typename Run> static LogicalResult quietly(MLIRContext *context, Run run) {
  ScopedDiagnosticHandler handler(context, [](Diagnostic &) { return success(); });
  return run();
}

namespace {

class Fitter {
public:
  Fitter(ModuleOp module, Rung reached, Cluster cluster, bool wantsPlan)
      : module(module), reached(reached), cluster(std::move(cluster)), wantsPlan(wantsPlan) {}

  FailureOr<MemoryFit> run() {
    double factor = 1;
    for (int round = 0; round < mostRounds; ++round) {
      FailureOr<MemoryFit> found = search(factor, /*quiet=*/round > 0);
      if (failed(found))
        break;
      last = std::move(*found);
      auto searched =
          dyn_cast_or_null<DictionaryAttr>((*last->module)->removeAttr(searchedAttrName));
      if (!searched)
        return take(last);
      const double estimate = numberOf(searched, "bytes"), fixed = numberOf(searched, "fixed");
      if (round == 0 && estimate < surelyEnough * double(leastMemory()))
        return take(last);
      const std::optional<Need> need = layout(*last);
      if (!need)
        return take(last); // its error comes again
      const bool fits = need->part <= 1;
      if (fits)
        keepFastest(searched.getAs<FloatAttr>("seconds").getValueAsDouble());
      if (fits && (!searched.get("limited") || need->part >= nearlyAll))
        break;
      const double right =
          factor * std::max(need->bytes - fixed, 1.0) / std::max(estimate - fixed, 1.0);
      std::optional<double> next = nextFactor(factor, right, fits);
      if (!next)
        break;
      factor = *next;
    }
    return best ? take(best) : last ? take(last) : FailureOr<MemoryFit>(failure());
  }

private:
  struct Need {
    double bytes; ///< of the chunk that takes the largest part of a device's memory
    double part;
  };

  static MemoryFit take(std::optional<MemoryFit> &from) { return std::move(*from); }

  static double numberOf(DictionaryAttr searched, StringRef name) {
    return double(searched.getAs<IntegerAttr>(name).getInt());
  }

  FailureOr<MemoryFit> search(double factor, bool quiet) {
    MemoryFit out;
    out.factor = factor;
    out.module = module.clone();
    setMemoryFactor(*out.module, factor);
    auto passes = [&] { return runPasses(*out.module, reached, Rung::Distribute); };
    if (failed(quiet ? quietly(module.getContext(), passes) : passes()))
      return failure();
    return out;
  }

  int64_t leastMemory() const {
    std::vector<int64_t> all(cluster.devices.size());
    std::iota(all.begin(), all.end(), 0);
    return *cluster.leastMemory(all);
  }

  std::optional<Need> layout(MemoryFit &distributed) {
    OwningOpRef<ModuleOp> copy = distributed.module->clone();
    std::unique_ptr<EarlyKernels> kernels;
    const LogicalResult done = quietly(module.getContext(), [&] {
      if (failed(runPasses(*copy, Rung::Distribute, Rung::Physical)))
        return failure();
      if (wantsPlan)
        kernels = EarlyKernels::begin(*copy);
      return runPasses(*copy, Rung::Physical, Rung::Schedule);
    });
    auto chunks = (*copy)->getAttrOfType<DictionaryAttr>(task::TaskDialect::chunksAttrName);
    auto groups = (*copy)->getAttrOfType<DictionaryAttr>(task::TaskDialect::groupsAttrName);
    if (!chunks || !groups)
      return std::nullopt;
    Need most{0, 0};
    for (NamedAttribute chunk : chunks) {
      const double bytes = double(cast<IntegerAttr>(chunk.getValue()).getInt());
      for (int64_t device : cast<DenseI64ArrayAttr>(groups.get(chunk.getName())).asArrayRef()) {
        const double part = bytes / double(cluster.devices[device].memoryBytes); // 0 if not known
        if (std::isfinite(part) && part > most.part)
          most = {bytes, part};
      }
    }
    if (succeeded(done)) {
      distributed.laidOut = std::move(copy);
      distributed.kernels = std::move(kernels);
    }
    return most;
  }

  void keepFastest(double seconds) {
    if (best && seconds >= bestSeconds)
      return;
    best.emplace(std::move(*last));
    last.reset();
    bestSeconds = seconds;
  }

  // Between the largest factor that was too little and the least that was enough.
  std::optional<double> nextFactor(double factor, double right, bool fits) {
    (fits ? enough : tooLittle) = factor;
    double next = right * (1 + margin);
    if ((enough && next >= *enough) || (tooLittle && next <= *tooLittle))
      next = enough && tooLittle ? (*enough + *tooLittle) / 2 : factor * (fits ? 0.9 : 1.1);
    return std::abs(next / factor - 1) < margin ? std::nullopt : std::optional(next);
  }

  ModuleOp module;
  const Rung reached;
  const Cluster cluster;
  const bool wantsPlan;
  std::optional<MemoryFit> last, best;
  double bestSeconds = 0;
  std::optional<double> enough, tooLittle; ///< factors
};

} // namespace

FailureOr<MemoryFit> fitMemory(ModuleOp module, Rung reached, bool wantsPlan) {
  FailureOr<Job> job = jobOf(module);
  FailureOr<Cluster> cluster = clusterOf(module);
  if (failed(job) || failed(cluster))
    return failure();
  const bool isLimited = llvm::any_of(
      cluster->devices, [](const ClusterDevice &device) { return device.memoryBytes > 0; });
  if (job->parallel.isSearched() && isLimited)
    return Fitter(module, reached, std::move(*cluster), wantsPlan).run();
  MemoryFit out;
  out.module = module.clone();
  if (failed(runPasses(*out.module, reached, Rung::Distribute)))
    return failure();
  return out;
}

} // namespace of
