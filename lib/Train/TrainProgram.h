// The programs of a job, one function each. They share the variables and nothing else.
#pragma once

#include "lib/Config/Job.h"
#include "lib/Train/Variables.h"

namespace of {

/// What the programs are built from. `variables` grows: the optimizer declares its state.
struct TrainInput {
  mlir::func::FuncOp model;
  const Job &job;
  VariableTable &variables;
  mlir::Type element; ///< the job's float type
};

mlir::LogicalResult buildInit(mlir::OpBuilder &module, TrainInput input);
mlir::LogicalResult buildTrain(mlir::OpBuilder &module, TrainInput input);
mlir::LogicalResult buildEval(mlir::OpBuilder &module, TrainInput input);
mlir::LogicalResult buildSnapshot(mlir::OpBuilder &module, TrainInput input);

/// The program that runs the model forward, and the dataset of its inputs, whose files are named
/// when it is run (InferProgram.cpp).
mlir::LogicalResult buildInfer(mlir::OpBuilder &module, TrainInput input);
inline constexpr llvm::StringLiteral inferDataset = "inputs";
JobDataset inferInputs(mlir::func::FuncOp model, const Job &job);

/// Iterations of one evaluation: the last may be padded.
int64_t evalIterations(const Job &job);

} // namespace of
