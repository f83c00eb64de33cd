// Reads a model and keeps the names its author gave to values.
//
// MLIR drops the names of SSA values; job.yaml refers to arguments and values by them, and so do
// remarks and traces. They become name locations ("h1" at model.mlir:7:8) and, on arguments, the
// attribute `of.name`.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>

namespace of {

/// The module in a file, checked to be a model: one function of one block with `of` ops that have
/// no side effects, tensors whose only dynamic dim is the first, and one definition for all uses of
/// a parameter. Null after errors.
mlir::OwningOpRef<mlir::ModuleOp> readModel(mlir::MLIRContext *context, const std::string &file);

/// The function of a model.
mlir::func::FuncOp modelFunction(mlir::ModuleOp module);

/// Name an op got from its source, or "".
llvm::StringRef sourceName(mlir::Location loc);

} // namespace of
