#include "lib/Schedule/Passes.h"

#include "mlir/Pass/PassRegistry.h"

namespace of {

void registerSchedulePasses() {
  mlir::registerPass(createSettleBuffersPass);
  mlir::registerPass(createSchedulePass);
  mlir::registerPass(createAssignMemoryPass);
}

} // namespace of
