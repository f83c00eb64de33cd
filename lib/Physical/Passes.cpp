#include "lib/Physical/Passes.h"

#include "mlir/Pass/PassRegistry.h"

namespace of {

void registerPhysicalPasses() {
  mlir::registerPass(createLowerMicroPass);
  mlir::registerPass(createFuseKernelsPass);
  mlir::registerPass(createOffloadPass);
  mlir::registerPass(createBuildTasksPass);
}

} // namespace of
