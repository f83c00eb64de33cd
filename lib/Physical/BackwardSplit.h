// Whether the gradients of parameters are segments of their own, which a pipeline runs where it
// would wait (zero bubble, arXiv 2401.10241).
//
//   one segment     F F F B B B          B makes other stages wait for gradients they do not need
//   split           F F F B B W B W W    W waits until there is nothing else to do
//
// The price: what W reads is kept until then. Without a cluster or a job in the module nothing is
// split. Pure.
#pragma once

#include "lib/Cost/Cluster.h"
#include "lib/Physical/SegmentLabels.h"

namespace of {

class BackwardSplit {
public:
  /// As the job has it. Error: job or cluster are there and wrong.
  static mlir::FailureOr<BackwardSplit> of(mlir::ModuleOp module);

  bool pays(SegmentLabels &labels) const;

private:
  enum class Choice { Auto, Always, Never };
  double secondsOf(const PhysicalItem &item) const;

  Choice choice = Choice::Never;
  Cluster cluster;
};

} // namespace of
