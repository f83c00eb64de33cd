// What tests of the ONNX import do with a module: its parameters as arguments, its tensors as
// arrays.
#pragma once

#include "lib/Import/Weights.h"
#include "test/of/Evaluator.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"

namespace of::test {

/// Elements as a file holds them.
Array arrayOf(mlir::RankedTensorType type, llvm::ArrayRef<char> bytes);

/// The module as text. Parameters become arguments behind the others; their values are added.
std::string textOf(mlir::ModuleOp module, const Weights &weights, std::vector<Array> &arguments);

} // namespace of::test
