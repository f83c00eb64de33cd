// Parameters that the job keeps as they are.
//
//   freeze: [embedding.*, layer1.*]     * stands for any text, ? for one character
#pragma once

#include "lib/Config/Job.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace of {

/// Freezes the parameters whose names match a pattern of the job; one that matches none is
/// reported.
void freezeParameters(mlir::func::FuncOp model, llvm::ArrayRef<JobPattern> patterns,
                      config::Report &report);
/// The same for patterns of the command line.
mlir::LogicalResult freezeParameters(mlir::func::FuncOp model,
                                     llvm::ArrayRef<std::string> patterns);

} // namespace of
