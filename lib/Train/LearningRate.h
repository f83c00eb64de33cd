// The learning rate of a step, as `of` ops on the step counter.
#pragma once

#include "lib/Config/Job.h"
#include "lib/Train/Formula.h"

namespace of {

/// Learning rate of step `step` (i64, from 0), an f64 scalar. The formulas stand with the keys
/// (lib/Config/JobKeys.cpp).
mlir::Value learningRate(Formula f, const Job &job, mlir::Value step);

} // namespace of
