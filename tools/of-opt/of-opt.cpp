// of-opt: mlir-opt for the dialects and passes of this project.
#include "lib/Pipeline/Registration.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  of::registerDialects(registry);
  of::registerPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Passes of the of and task dialects\n", registry));
}
