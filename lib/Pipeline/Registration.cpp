#include "lib/Pipeline/Registration.h"

#include "dialects/Of/Of.h"
#include "dialects/Task/Task.h"
#include "lib/Codegen/Codegen.h"
#include "lib/Distribute/Passes.h"
#include "lib/Physical/Passes.h"
#include "lib/Schedule/Passes.h"
#include "lib/Train/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/Transforms/Passes.h"

namespace of {

void registerDialects(mlir::DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  registry.insert<OfDialect, task::TaskDialect>();
  registerCodegen(registry);
}

void registerPasses() {
  mlir::registerTransformsPasses();
  registerTrainPasses();
  registerDistributePasses();
  registerPhysicalPasses();
  registerSchedulePasses();
}

} // namespace of
