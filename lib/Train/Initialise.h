// First values of variables. They depend on (seed, variable name, logical index) alone: not on
// device count, not on other variables.
#pragma once

#include "lib/Train/Formula.h"
#include "lib/Train/Variables.h"

namespace of {

/// The initial value of a variable at the builder; `id` keys its random numbers. Errors at the
/// parameter.
mlir::FailureOr<mlir::Value> initialValue(Formula f, const Variable &variable, int64_t seed,
                                          int64_t id);

} // namespace of
