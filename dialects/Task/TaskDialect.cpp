// Registration of the task dialect.
#include "dialects/Task/Task.h"

#include "mlir/IR/OpImplementation.h"

using namespace mlir;

#include "dialects/Task/TaskDialect.cpp.inc"

namespace of::task {

void TaskDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/Task/TaskOps.cpp.inc"
      >();
}

} // namespace of::task

#define GET_OP_CLASSES
#include "dialects/Task/TaskOps.cpp.inc"
