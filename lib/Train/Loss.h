// What is minimised and measured, from the results of the model.
#pragma once

#include "lib/Config/Job.h"
#include "lib/Train/Formula.h"
#include "lib/Train/Program.h"

namespace of {

/// Values of elements (row, or row and position), of which some may not count.
struct Elements {
  mlir::Value each;    ///< 0 where it does not count; or a scalar that is already a mean
  mlir::Value counted; ///< 1 where it counts, else 0, of the same type; null: everywhere

  bool isMean() const { return tensorType(each).getRank() == 0; }
};

/// The loss of each element.
Elements elementLosses(Formula f, const JobLoss &loss, mlir::ValueRange results,
                       const Batch &batch);

/// 1 for each element whose largest logit (the first of equals) is the label's, else 0, in the
/// logits' type.
Elements correctElements(Formula f, const Job &job, mlir::ValueRange results, const Batch &batch);

/// One value per row: the sum over the other dims.
mlir::Value rowSums(Formula f, mlir::Value elements);
/// Elements of a row.
double rowElements(mlir::Value elements);

} // namespace of
