// The generated kernels of a plan: one shared object for each instruction set.
//
//   rung physical ─┬─▶ of-schedule ─▶ of-assign-memory ─▶ RoleWriter ─▶ plan without code ─┬─▶ plan
//                  └─▶ EarlyKernels: settled buffers ─▶ code ─▶ LLVM, on other cores ──────┘
//
// What kernels do is known once buffers are settled, long before their times and offsets are. So
// code is generated and compiled beside the rest; export asks for the same kernels again and finds
// them made.
#pragma once

#include "lib/Codegen/Codegen.h"
#include "runtime/schema/plan_generated.h"

#include "mlir/IR/BuiltinOps.h"

#include <thread>

namespace of {

/// Kernel generators by instruction set; each becomes one object of the plan.
class KernelObjects {
public:
  explicit KernelObjects(mlir::MLIRContext *context) : context(context) {}

  KernelEmitter &emitter(const std::string &isa);
  int32_t index(const std::string &isa) const;
  /// Begins to compile all kernels there are.
  mlir::LogicalResult start();
  /// The plan's objects, still without code.
  void declare(plan::PlanT &plan) const;
  /// The code of each, compiled on all cores.
  mlir::LogicalResult compile();
  void finish(plan::PlanT &plan);

private:
  mlir::MLIRContext *context;
  std::vector<std::pair<std::string, std::unique_ptr<KernelEmitter>>> emitters;
  std::vector<std::vector<char>> code; ///< of each
};

/// The kernels of a module at rung physical, made beside what becomes of it.
class EarlyKernels {
public:
  /// On a copy of the module; null where the context is one thread's.
  static std::unique_ptr<EarlyKernels> begin(mlir::ModuleOp module);
  /// Gives up what is not compiled yet.
  ~EarlyKernels();

  /// Once; null where there was an error, which comes again when kernels are asked for.
  std::unique_ptr<KernelObjects> take();

private:
  explicit EarlyKernels(mlir::ModuleOp module);
  mlir::LogicalResult run();

  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<KernelObjects> objects;
  bool isDone = false;
  std::thread thread; ///< goes first
};

} // namespace of
