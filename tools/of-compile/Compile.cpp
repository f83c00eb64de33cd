#include "tools/of-compile/Compile.h"

#include "lib/Cost/Profile.h"
#include "lib/Distribute/Requests.h"
#include "lib/Export/ExportPlan.h"
#include "lib/Import/Import.h"
#include "lib/Import/Onnx/Onnx.h"
#include "lib/Pipeline/FitMemory.h"
#include "lib/Pipeline/MicroBatches.h"
#include "lib/Pipeline/Registration.h"
#include "runtime/schema/PlanFile.h"
#include "tools/of-compile/Explain.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

namespace of {

// Which rung a printed module has reached.
static constexpr llvm::StringLiteral kRungAttrName = "of.rung";

static constexpr llvm::StringLiteral kVersion = "of-compile " OF_VERSION;

namespace {

class Compiler {
public:
  explicit Compiler(const CompileOptions &options)
      : options(options), context(registry(), options.threads ? MLIRContext::Threading::ENABLED
                                                              : MLIRContext::Threading::DISABLED),
        handler(sources, &context, llvm::errs()) {
    context.loadAllAvailableDialects();
    // Messages say what and where; a layout that does not fit is an error too, which many searches
    // end with, and printing a large module takes longer than finding its layout.
    context.printOpOnDiagnostic(false);
  }

  LogicalResult run() {
    if (failed(load()) || failed(measured()) || failed(request()) || failed(fitFirst()) ||
        failed(explain()) || failed(dump()))
      return failure();
    while (reached < options.to) {
      const Rung rung = static_cast<Rung>(static_cast<int>(reached) + 1);
      if (rung == Rung::Export)
        return writePlan();
      if (failed(climb(rung)) || (rung == Rung::Distribute && failed(emitChoices())))
        return failure();
      (*module)->removeAttr(searchedAttrName);
      if (rung == Rung::Schedule && options.explain)
        explainMemory(*module, llvm::outs());
      if (failed(dump()))
        return failure();
    }
    return writeModule(options.output);
  }

private:
  static DialectRegistry registry() {
    DialectRegistry out;
    registerDialects(out);
    return out;
  }

  LogicalResult fail(const Twine &message) {
    llvm::errs() << "of-compile: error: " << message << "\n";
    return failure();
  }

  // The weights of a model lie beside the output, under its name.
  std::string weightsPath() const {
    StringRef named = options.output == "-" ? jobFile() : options.output;
    llvm::SmallString<128> path(named);
    llvm::sys::path::replace_extension(path, "safetensors");
    return path.str().str();
  }
  const std::string &jobFile() const { return options.job.empty() ? options.input : options.job; }

  LogicalResult import() {
    const bool isModel = onnx::isOnnx(options.input);
    if (isModel && options.job.empty())
      return fail("name the job with --job=job.yaml: data, loss and optimizer of a model");
    if (!isModel && !options.job.empty())
      return fail("--job goes with an .onnx model; " + options.input + " is a job itself");
    if (isModel && !options.model.empty())
      return fail("there are two models, " + options.input + " and that of --model; drop one");
    Weights weights;
    std::string path = weightsPath();
    ImportOptions what{jobFile(),
                       options.cluster,
                       isModel ? options.input : options.model,
                       llvm::sys::path::filename(path).str(),
                       options.freeze,
                       options.forwardOnly};
    if (const std::vector<int64_t> choices = microBatchChoices(what); !choices.empty())
      what.microBatches = chooseMicroBatches(what, choices);
    module = importJob(&context, what, weights);
    reached = Rung::Import;
    if (!module || weights.empty() || options.output == "-")
      return success(static_cast<bool>(module));
    return weights.write(module->getLoc(), path);
  }

  // Of a job that leaves it open.
  int64_t chooseMicroBatches(ImportOptions what, llvm::ArrayRef<int64_t> choices) {
    const MicroBatchSearch found = searchMicroBatches(context, choices, [&](int64_t count) {
      Weights unused;
      what.microBatches = count;
      return importJob(&context, what, unused);
    });
    for (const MicroBatches &each : found.tried) {
      if (!options.explain)
        break;
      llvm::outs() << "micro-batches " << each.count << ": ";
      if (each.seconds)
        llvm::outs() << *each.seconds << " s per step\n";
      else
        llvm::outs() << "does not fit\n";
    }
    return found.best;
  }

  LogicalResult load() {
    if (!StringRef(options.input).ends_with(".mlir")) {
      if (options.cluster.empty())
        return fail("name the cluster with --cluster=cluster.yaml; `of-run probe` writes one for "
                    "this machine");
      return import();
    }
    if (!options.cluster.empty() || !options.model.empty() || !options.job.empty() ||
        !options.freeze.empty() || options.forwardOnly)
      return fail("a module that was printed before holds its model and cluster; drop --cluster, "
                  "--model, --job, --freeze and --inference, or give the job");
    module = parseSourceFile<ModuleOp>(options.input, sources, ParserConfig(&context));
    if (!module)
      return failure();
    auto rung = (*module)->getAttrOfType<StringAttr>(kRungAttrName);
    std::optional<Rung> known = rung ? rungOf(rung.getValue()) : std::nullopt;
    if (!known)
      return fail(options.input +
                  " names no rung it has reached (module attribute of.rung); of-compile "
                  "goes on from what --compile-to or --dump-dir wrote. A model is "
                  "named in its job.yaml");
    reached = *known;
    if (options.to < reached)
      return fail(options.input + " is already at rung " + nameOf(reached) + ", past " +
                  nameOf(options.to));
    return success();
  }

  // What a run has measured, where it can still be heeded.
  LogicalResult measured() {
    if (options.profile.empty())
      return success();
    if (reached >= Rung::Schedule || options.to < Rung::Distribute)
      return fail(
          Twine("--profile is for rungs distribute to schedule, none of which lies between ") +
          nameOf(reached) + " and " + nameOf(options.to));
    return readProfile(*module, options.profile);
  }

  // Distributed so that it fits as laid out.
  LogicalResult fit() {
    FailureOr<MemoryFit> found =
        fitMemory(*module, reached, options.to == Rung::Export && options.dumpDir.empty());
    if (failed(found))
      return failure();
    // A layout was looked at in any case; the rungs up to it need not be climbed again unless
    // somebody wants to see them.
    if (found->laidOut && options.dumpDir.empty() && options.to >= Rung::Schedule) {
      module = std::move(found->laidOut);
      kernels = std::move(found->kernels);
      reached = Rung::Schedule;
    } else {
      module = std::move(found->module);
      reached = Rung::Distribute;
    }
    return success();
  }

  // One rung; after the search maybe more.
  LogicalResult climb(Rung rung) {
    if (rung == Rung::Distribute && !isExplained())
      return fit();
    if (rung == Rung::Schedule && options.to == Rung::Export)
      kernels = EarlyKernels::begin(*module);
    if (failed(runPasses(*module, reached, rung)))
      return failure();
    reached = rung;
    return success();
  }

  bool isExplained() const { return options.explain || !options.whatIf.empty(); }

  // What is tried is not explained, what is taken is: it is found before anybody listens.
  LogicalResult fitFirst() {
    if (!isExplained() || reached >= Rung::Distribute || options.to < Rung::Distribute)
      return success();
    OwningOpRef<ModuleOp> asked = module->clone();
    (*asked)->removeAttr(whatIfAttrName);
    ScopedDiagnosticHandler silence(&context, [](Diagnostic &) { return success(); });
    FailureOr<MemoryFit> found = fitMemory(*asked, reached);
    if (succeeded(found) && found->factor != 1) // an error comes again
      setMemoryFactor(*module, found->factor, {});
    return success();
  }

  LogicalResult explain() {
    const bool asks =
        !options.whatIf.empty() || !options.annotations.empty() || !options.emitAnnotations.empty();
    if (!options.explain && !asks)
      return success();
    if (reached >= Rung::Distribute || options.to < Rung::Distribute)
      return fail(Twine(options.explain ? "--explain shows" : "--what-if and annotations are of") +
                  " the choices of rung distribute, which does not lie between " + nameOf(reached) +
                  " and " + nameOf(options.to));
    if (!options.explain && options.whatIf.empty())
      return success();
    return explainTo(context, llvm::outs(), /*onlyAnswers=*/!options.explain);
  }

  // What the distribute rung is asked beside its result.
  LogicalResult request() {
    SearchRequests requests;
    requests.whatIf = options.whatIf;
    requests.keep = !options.emitAnnotations.empty();
    if (!options.annotations.empty()) {
      auto file = llvm::MemoryBuffer::getFile(options.annotations);
      if (!file)
        return fail("cannot read " + options.annotations + ": " + file.getError().message());
      requests.givenFile = options.annotations;
      requests.givenText = (*file)->getBuffer().str();
    }
    setRequests(*module, requests);
    return success();
  }

  LogicalResult emitChoices() {
    auto choices = dyn_cast_or_null<StringAttr>((*module)->removeAttr(choicesAttrName));
    if (!choices)
      return success();
    std::error_code error;
    llvm::ToolOutputFile out(options.emitAnnotations, error, llvm::sys::fs::OF_Text);
    if (error)
      return fail("cannot write " + options.emitAnnotations + ": " + error.message());
    out.os() << choices.getValue();
    out.keep();
    return success();
  }

  LogicalResult dump() {
    (*module)->setAttr(kRungAttrName, StringAttr::get(&context, nameOf(reached)));
    if (options.dumpDir.empty())
      return success();
    if (std::error_code error = llvm::sys::fs::create_directories(options.dumpDir))
      return fail("cannot make folder " + options.dumpDir + ": " + error.message());
    llvm::SmallString<128> path(options.dumpDir);
    llvm::sys::path::append(path,
                            Twine(static_cast<int>(reached)) + "-" + nameOf(reached) + ".mlir");
    return writeModule(path);
  }

  LogicalResult writeModule(StringRef path) {
    std::error_code error;
    const bool isPlain = rt::isReplaceable(path.str());
    std::string aside = path == "-" || !isPlain ? path.str() : (path + ".part").str();
    llvm::ToolOutputFile out(aside, error, llvm::sys::fs::OF_Text);
    if (error)
      return fail("cannot write " + path + ": " + error.message());
    (*module)->print(out.os(), OpPrintingFlags().enableDebugInfo(true).printNameLocAsPrefix());
    out.os() << "\n";
    if (path == "-") {
      out.keep();
      return success();
    }
    if (!isPlain)
      out.keep();
    out.os().close();
    if (out.os().has_error() || (isPlain && llvm::sys::fs::rename(aside, path))) {
      out.os().clear_error();
      return fail("cannot write " + path);
    }
    out.keep();
    return success();
  }

  LogicalResult writePlan() {
    FailureOr<std::unique_ptr<plan::PlanT>> plan =
        exportPlan(*module, kVersion, std::move(kernels));
    if (failed(plan))
      return failure();
    if (Status status = rt::writePlan(options.output, **plan); !status.isOk())
      return fail(status.message());
    return success();
  }

  const CompileOptions &options;
  MLIRContext context;
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<EarlyKernels> kernels; ///< of the module, where a plan is wanted
  Rung reached = Rung::Import;
};

} // namespace

int compile(const CompileOptions &options) { return failed(Compiler(options).run()) ? 2 : 0; }

} // namespace of
