#include "lib/Pipeline/FitMemory.h"

#include "dialects/Task/Task.h"
#include "lib/Config/Attributes.h"
#include "lib/Cost/Cluster.h"
#include "lib/Distribute/Requests.h"
#include "lib/Schedule/MeshGroups.h"
#include "lib/Schedule/TaskCost.h"

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

/// Schedules of one choice with ever fewer slots. If a step is longer than this for them something
/// else is looked for, too: it is about what computing all values again costs.
static constexpr int mostLimits = 3;
static constexpr double mostLonger = 1.25;

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
      blockCosts = searched.getAs<ArrayAttr>("blocks");
      const double estimate = numberOf(searched, "bytes"), fixed = numberOf(searched, "fixed");
      if (round == 0 && estimate < surelyEnough * double(leastMemory()))
        return take(last);
      const std::optional<Layout> laid = layout(*last);
      if (!laid)
        return take(last); // its error comes again
      if (laid->longer)
        keepFastest(*laid->longer * searched.getAs<FloatAttr>("seconds").getValueAsDouble());
      const bool fits = laid->longer && *laid->longer <= mostLonger;
      if (fits && (!searched.get("limited") || laid->need.part >= nearlyAll))
        break;
      const double right =
          factor * std::max(laid->need.bytes - fixed, 1.0) / std::max(estimate - fixed, 1.0);
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
  struct Layout {
    Need need; ///< with slots as is fastest
    /// By how much a step is longer since slots were limited; none if even so it does not fit.
    std::optional<double> longer;
  };

  static MemoryFit take(std::optional<MemoryFit> &from) { return std::move(*from); }

  static double numberOf(DictionaryAttr searched, StringRef name) {
    return double(searched.getAs<IntegerAttr>(name).getInt());
  }

  FailureOr<MemoryFit> search(double factor, bool quiet) {
    MemoryFit out;
    out.factor = factor;
    out.module = module.clone();
    setMemoryFactor(*out.module, factor, blockCosts);
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

  // With as many micro-batches under way as is fastest; where that is too large, with fewer.
  std::optional<Layout> layout(MemoryFit &distributed) {
    OwningOpRef<ModuleOp> physical = distributed.module->clone();
    if (failed(quietly(module.getContext(),
                       [&] { return runPasses(*physical, Rung::Distribute, Rung::Physical); })))
      return std::nullopt;
    std::unique_ptr<EarlyKernels> kernels;
    if (wantsPlan)
      kernels = EarlyKernels::begin(*physical);
    OwningOpRef<ModuleOp> laidOut = physical->clone();
    const std::optional<Need> first = schedule(*laidOut);
    if (!first)
      return std::nullopt;
    std::optional<Need> need = first;
    const double period = double(std::max<int64_t>(longestStep(*laidOut), 1));
    for (int i = 0; i < mostLimits && need && need->part > 1; ++i) {
      const DictionaryAttr limits = limitsFor(*laidOut);
      laidOut = physical->clone();
      (*laidOut)->setAttr(registerLimitsAttrName, limits);
      need = schedule(*laidOut);
    }
    if (!need || need->part > 1)
      return Layout{*first, std::nullopt};
    const double longer = double(longestStep(*laidOut)) / period;
    if (Attribute limits = (*laidOut)->getAttr(registerLimitsAttrName))
      (*distributed.module)->setAttr(registerLimitsAttrName, limits);
    distributed.laidOut = std::move(laidOut);
    distributed.kernels = std::move(kernels);
    return Layout{*first, longer};
  }

  // Of a physical module. None if it has no layout for another reason than its size.
  std::optional<Need> schedule(ModuleOp physical) {
    (void)quietly(module.getContext(),
                  [&] { return runPasses(physical, Rung::Physical, Rung::Schedule); });
    auto chunks = physical->getAttrOfType<DictionaryAttr>(task::TaskDialect::chunksAttrName);
    auto groups = physical->getAttrOfType<DictionaryAttr>(task::TaskDialect::groupsAttrName);
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
    return most;
  }

  static int64_t longestStep(ModuleOp scheduled) {
    int64_t most = 0;
    for (auto program : scheduled.getOps<task::ProgramOp>())
      if (auto period = program->getAttrOfType<IntegerAttr>(periodAttrName))
        most = std::max(most, period.getInt());
    return most;
  }

  // Registers of programs with micro-batches take less by as many bytes as their chunk has too
  // many.
  DictionaryAttr limitsFor(ModuleOp laidOut) const {
    Builder b(laidOut.getContext());
    const MeshGroups meshes(laidOut);
    auto chunks = laidOut->getAttrOfType<DictionaryAttr>(task::TaskDialect::chunksAttrName);
    auto groups = laidOut->getAttrOfType<DictionaryAttr>(task::TaskDialect::groupsAttrName);
    NamedAttrList out;
    for (auto program : laidOut.getOps<task::ProgramOp>()) {
      if (program.getMicros() < 2)
        continue;
      llvm::StringMap<int64_t> bytes;
      for (auto reg : program.getBody().front().getOps<task::RegisterOp>())
        if (!reg.getHost())
          bytes[meshes.groupOf(distOf(reg.getType()).getMesh())] +=
              alignedBytes(partBytes(reg.getType())) * int64_t(reg.getSlots());
      NamedAttrList limits;
      for (NamedAttribute chunk : chunks) {
        const auto devices = cast<DenseI64ArrayAttr>(groups.get(chunk.getName())).asArrayRef();
        const std::optional<int64_t> memory = cluster.leastMemory({devices.begin(), devices.end()});
        const int64_t over = cast<IntegerAttr>(chunk.getValue()).getInt() - memory.value_or(0);
        if (memory && over > 0)
          limits.set(chunk.getName(),
                     b.getI64IntegerAttr(std::max<int64_t>(0, bytes[chunk.getName()] - over)));
      }
      out.set(program.getSymName(), limits.getDictionary(b.getContext()));
    }
    return out.getDictionary(b.getContext());
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
  ArrayAttr blockCosts; ///< as stages; null: not known
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
