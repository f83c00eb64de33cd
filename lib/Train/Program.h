// Writing one program: variables read at its top, the model copied into it, variables set at its
// end.
#pragma once

#include "lib/Config/Job.h"
#include "lib/Train/Variables.h"

namespace of {

/// A program under construction. Borrows the table, which must outlive it.
class ProgramWriter {
public:
  ProgramWriter(mlir::OpBuilder &module, llvm::StringRef name, ProgramKind kind,
                const VariableTable &variables, mlir::Location loc);

  /// Value of a variable at the start of the step; all gets stand before everything else, in the
  /// order they were asked for.
  mlir::Value get(llvm::StringRef variable);
  /// Notes a new value; `finish` writes the sets in the order of the variables.
  void set(llvm::StringRef variable, mlir::Value value);
  void finish();

  ProgramOp program;
  mlir::OpBuilder body; ///< at the end of the program

private:
  const VariableTable &variables;
  mlir::Operation *lastGet = nullptr;
  llvm::StringMap<mlir::Value> gets, sets;
};

/// A copy of the model in a program.
struct ModelCopy {
  llvm::SmallVector<mlir::Value> results;
  /// Running statistics to follow: state = (1 - momentum) * state + momentum * batch value.
  struct Running {
    std::string variable;
    mlir::Value batchValue;
    double momentum;
  };
  llvm::SmallVector<Running> running;
};

/// Copies the model to `b`, with `arguments` for its arguments and `program.get` for its
/// parameters, in training or evaluation mode. In training, random ops draw with `seed` and the
/// step.
mlir::FailureOr<ModelCopy> copyModel(mlir::func::FuncOp model, mlir::OpBuilder &b,
                                     mlir::ValueRange arguments, ProgramWriter &program,
                                     bool training, int64_t seed);

/// Fields of one batch of a dataset by name.
using Batch = llvm::StringMap<mlir::Value>;

/// `of.read` of a dataset. With `mask` its last value, f32, is there as "mask".
Batch readBatch(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef name,
                const JobDataset &dataset, int64_t rows, bool mask);

/// Values for the model's arguments; one that is pinned gets a copy with its pin.
llvm::SmallVector<mlir::Value> argumentsOf(mlir::OpBuilder &b, mlir::func::FuncOp model,
                                           const Job &job, const Batch &batch);

} // namespace of
