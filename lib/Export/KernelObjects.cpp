#include "lib/Export/KernelObjects.h"

#include "lib/Codegen/Lower.h"
#include "lib/Config/Attributes.h"
#include "lib/Cost/Cluster.h"
#include "lib/Export/RoleWriter.h"
#include "lib/Schedule/Passes.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace of {

KernelEmitter &KernelObjects::emitter(const std::string &isa) {
  for (auto &[name, emitter] : emitters)
    if (name == isa)
      return *emitter;
  CodegenOptions options;
  options.isa = isa;
  emitters.emplace_back(isa, std::make_unique<KernelEmitter>(context, options));
  return *emitters.back().second;
}

int32_t KernelObjects::index(const std::string &isa) const {
  for (auto [i, entry] : llvm::enumerate(emitters))
    if (entry.first == isa)
      return i;
  return -1;
}

void KernelObjects::declare(plan::PlanT &plan) const {
  for (auto &[isa, emitter] : emitters) {
    plan.objects.push_back(std::make_unique<plan::KernelObjectT>());
    plan.objects.back()->isa = isa;
  }
}

LogicalResult KernelObjects::compile() {
  for (auto &[isa, emitter] : emitters) {
    FailureOr<std::vector<char>> bytes = emitter->compile();
    if (failed(bytes))
      return failure();
    code.push_back(std::move(*bytes));
  }
  return success();
}

void KernelObjects::finish(plan::PlanT &plan) {
  for (auto [object, bytes] : llvm::zip(plan.objects, code))
    object->data.assign(bytes.begin(), bytes.end());
}

LogicalResult KernelObjects::start() {
  for (auto &[isa, emitter] : emitters)
    if (failed(emitter->start()))
      return failure();
  return success();
}

// ---- Early

std::unique_ptr<EarlyKernels> EarlyKernels::begin(ModuleOp module) {
  return module.getContext()->isMultithreadingEnabled()
             ? std::unique_ptr<EarlyKernels>(new EarlyKernels(module))
             : nullptr;
}

EarlyKernels::EarlyKernels(ModuleOp module) : module(module.clone()) {
  objects = std::make_unique<KernelObjects>(module.getContext());
  prepareContext(module.getContext()); // while nobody else uses it
  thread = std::thread([this] { isDone = succeeded(run()); });
}

EarlyKernels::~EarlyKernels() {
  if (thread.joinable())
    thread.join();
}

LogicalResult EarlyKernels::run() {
  MLIRContext *context = module->getContext();
  // Errors come again, where somebody waits for them.
  ScopedDiagnosticHandler quiet(context, [me = std::this_thread::get_id()](Diagnostic &) {
    return success(std::this_thread::get_id() == me);
  });
  PassManager passes(context);
  passes.addPass(createSettleBuffersPass());
  FailureOr<Job> job = jobOf(*module);
  FailureOr<Cluster> cluster = clusterOf(*module);
  if (failed(job) || failed(cluster) || failed(passes.run(*module)))
    return failure();
  plan::PlanT unused;
  PlanTables tables(*module, *job, *cluster, unused);
  for (std::vector<int64_t> &devices : groupDevices(*module, *cluster))
    if (failed(RoleWriter(*module, *cluster, tables, *objects, std::move(devices)).addKernels()))
      return failure();
  return objects->start();
}

std::unique_ptr<KernelObjects> EarlyKernels::take() {
  thread.join();
  return isDone ? std::move(objects) : nullptr;
}

} // namespace of
