// Registration and verifiers of the task dialect.
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

LogicalResult SegmentOp::verify() {
  auto sizes = {getInPeriods().size(), getInCalls().size()};
  if (llvm::any_of(sizes, [&](size_t n) { return n != getInputs().size(); }) ||
      getOutPeriods().size() != getOutputs().size() || getOutCalls().size() != getOutputs().size())
    return emitOpError("needs one period and one call for each of its ") << getInputs().size() << " input and "
                                                                         << getOutputs().size() << " output ports";
  int64_t kernels = llvm::range_size(getBody().front().getOps<KernelOp>());
  for (auto [period, call] : llvm::concat<const std::pair<int64_t, int64_t>>(
           llvm::to_vector(llvm::map_range(llvm::zip(getInPeriods(), getInCalls()),
                                           [](auto z) { return std::pair(std::get<0>(z), std::get<1>(z)); })),
           llvm::to_vector(llvm::map_range(llvm::zip(getOutPeriods(), getOutCalls()),
                                           [](auto z) { return std::pair(std::get<0>(z), std::get<1>(z)); })))) {
    if (period < 1 || getFirings() % period)
      return emitOpError() << "has a port of period " << period << ", which does not divide its " << getFirings()
                           << " firings";
    if (call < -1 || call >= kernels)
      return emitOpError() << "has a port at call " << call << " of " << kernels;
  }
  for (Value port : llvm::concat<Value>(getInputs(), getOutputs()))
    if (!port.getDefiningOp<RegisterOp>())
      return emitOpError("has a port that is no task.register");
  auto terminator = dyn_cast<ReturnOp>(getBody().front().getTerminator());
  if (!terminator || terminator.getValues().getTypes() != getOutputs().getTypes())
    return emitOpError("must return one value of the register's type for each output port");
  return success();
}

LogicalResult KernelOp::verify() {
  if (getInPlace().size() != getNumResults())
    return emitOpError("needs one in_place entry for each result");
  for (auto [i, argument] : llvm::enumerate(getInPlace()))
    if (argument >= static_cast<int64_t>(getInputs().size()) ||
        (argument >= 0 && localType(getInputs()[argument].getType()).getShape() !=
                              localType(getResult(i).getType()).getShape()))
      return emitOpError() << "result " << i << " cannot share the buffer of argument " << argument;
  if (getBody().front().getArgumentTypes() != getInputs().getTypes())
    return emitOpError("has a body whose arguments differ from its inputs");
  auto terminator = dyn_cast<ReturnOp>(getBody().front().getTerminator());
  if (!terminator || terminator.getValues().getTypes() != getResultTypes())
    return emitOpError("must return a value for each result");
  return success();
}

LogicalResult ExchangeOp::verify() {
  if (getInputs().size() != getOutputs().size() || getInputs().empty())
    return emitOpError("needs as many destination as source registers, and at least one");
  for (auto [in, out] : llvm::zip(getInputs(), getOutputs())) {
    if (withoutDist(in.getType()) != withoutDist(out.getType()))
      return emitOpError("moves ") << withoutDist(in.getType()) << " into " << withoutDist(out.getType());
    if (!distOf(in) || !distOf(out))
      return emitOpError("needs a distribution on every register");
    if (distOf(in).getMesh() != distOf(getInputs()[0]).getMesh() ||
        distOf(out).getMesh() != distOf(getOutputs()[0]).getMesh())
      return emitOpError("groups registers of different meshes");
  }
  return success();
}

} // namespace of::task

#define GET_OP_CLASSES
#include "dialects/Task/TaskOps.cpp.inc"
