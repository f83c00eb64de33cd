// Makes a model's types concrete: the job's float type and the rows of one micro-batch.
//
//   before   func.func @mlp(%x: tensor<?x784xf32>) -> tensor<?x10xf32>
//   after    func.func @mlp(%x: tensor<32x784xf64>) -> tensor<32x10xf64>      (fp64, batch 64 in 2
//   micro-batches)
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace of {

/// f32 in the model stands for the job's float type; turns it into f64, types and constants. A
/// constant keeps the decimal number that was written: 0.1 is the double nearest to 0.1, not to the
/// float nearest to it.
void retypeToF64(mlir::func::FuncOp model);

/// Sets the dynamic leading dims to `rows` and infers every type anew. Errors at the op whose
/// shapes do not fit.
mlir::LogicalResult specializeBatch(mlir::func::FuncOp model, int64_t rows);

} // namespace of
