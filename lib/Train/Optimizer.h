// Optimizers as pointwise programs. Each equals PyTorch's of the same name (torch.optim 1.13), so
// that runs can be compared.
#pragma once

#include "lib/Config/Job.h"
#include "lib/Train/Formula.h"

namespace of {

/// What is the same for all parameters in one step: scalars of the job's float type, computed in
/// f64.
struct StepScalars {
  mlir::Value rate;       ///< learning rate
  mlir::Value keep;       ///< adamw: 1 - rate * weight_decay
  mlir::Value size;       ///< adam: rate / (1 - beta1^(t + 1))
  mlir::Value correction; ///< adam: sqrt(1 - beta2^(t + 1))
};

/// `step` is the i64 counter, from 0; `element` the type of the scalars.
StepScalars stepScalars(Formula f, const Job &job, mlir::Value step, mlir::Type element);

/// Names of the state one parameter needs: suffixes such as "momentum".
llvm::SmallVector<llvm::StringRef> optimizerState(const JobOptimizer &optimizer);

/// New value of a parameter; `state` holds its state in the order of `optimizerState` and is
/// replaced by the new state.
mlir::Value updateParameter(Formula f, const JobOptimizer &optimizer, const StepScalars &scalars,
                            mlir::Value parameter, mlir::Value gradient,
                            llvm::MutableArrayRef<mlir::Value> state);

/// Global 2-norm of gradients, f64, as one scalar.
mlir::Value globalNorm(Formula f, mlir::ValueRange gradients);

/// min(1, most / (norm + 1e-6)): what gradients are scaled with.
mlir::Value clipFactor(Formula f, mlir::Value norm, double most);

} // namespace of
