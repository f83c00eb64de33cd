// Export: a scheduled module as a plan.
//
// Unfolds nothing: devices that do the same on equal shapes become one role, whose tasks are
// written once; what differs between them stands in columns. Kernels are generated for each
// distinct local shape and instruction set and travel in the plan. The certificate is found and put
// in; without one there is no plan.
//
// Invariant on entry: the module went through of-schedule and of-assign-memory.
#pragma once

#include "lib/Export/KernelObjects.h"

namespace of {

/// The plan, or failure after an error at what cannot be exported. `compiler`: its name and
/// version, for people; the job is called like the module. `early`: kernels of the same module.
mlir::FailureOr<std::unique_ptr<plan::PlanT>>
exportPlan(mlir::ModuleOp module, llvm::StringRef compiler,
           std::unique_ptr<EarlyKernels> early = nullptr);

} // namespace of
