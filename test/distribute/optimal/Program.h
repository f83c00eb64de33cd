// The train program of a module as plain lists, for the enumeration.
#pragma once

#include "dialects/Of/Of.h"

#include <optional>

namespace of::test {

enum class StepKind { Get, Read, Compute, Yield, Set };

/// One op in program order; a yield is one step for each value.
struct Step {
  mlir::Operation *op = nullptr;
  StepKind kind = StepKind::Compute;
  std::vector<size_t> operands, results; ///< values; a value that is used twice stands twice
  bool isMicro = false;                  ///< what it makes is made in each micro-batch
  int64_t times = 1;                     ///< runs per step
  int64_t block = 0;
  int64_t position = -1; ///< in the program, sets apart, which are where their variable is
};

struct TensorValue {
  mlir::RankedTensorType type;
  size_t producer = 0;
  std::vector<size_t> users; ///< steps, ascending
  size_t lastUser = 0;       ///< the producer if there is none
  int64_t times = 1;         ///< made per step
};

struct TrainProgram {
  std::vector<Step> steps;
  std::vector<TensorValue> values;
  int64_t microBatches = 1, blocks = 1;
  /// By step: the get of the variable that a set writes.
  std::vector<size_t> getOf;
};

TrainProgram programOf(mlir::ModuleOp module);

} // namespace of::test
