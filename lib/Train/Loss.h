// What is minimised and measured, from the results of the model.
#pragma once

#include "lib/Config/Job.h"
#include "lib/Train/Formula.h"
#include "lib/Train/Program.h"

namespace of {

/// The loss of each element (row, or row and position), or a scalar that is already a mean.
mlir::Value elementLosses(Formula f, const Job &job, mlir::ValueRange results, const Batch &batch);

/// One value per row: the mean over the other dims.
mlir::Value perRow(Formula f, mlir::Value elements);

/// 1 for each element whose largest logit (the first of equals) is the label's, else 0, in the
/// logits' type.
mlir::Value correctElements(Formula f, mlir::Value logits, mlir::Value labels);

} // namespace of
