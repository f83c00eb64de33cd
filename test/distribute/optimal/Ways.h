// How ops may lie on one mesh axis, from what they compute: the enumeration's own account, which
// knows the ops of the random programs by name and asks no op for its signatures.
#pragma once

#include "test/distribute/optimal/Program.h"

namespace of::test {

/// One way on one axis.
struct Way {
  std::vector<Sbp> needs, makes; ///< by operand and result
  int label = -1;                ///< the index that is split; -1: none
};

/// What an op's operands and results are indexed by. An index that no result has is summed over.
struct Formula {
  std::vector<std::vector<int>> operands, results; ///< labels of dims
  std::vector<int64_t> sizes;                      ///< by label
  /// Operands that may all be partial at once: the op is linear in them together.
  std::vector<std::vector<size_t>> linear;
};

Formula formulaOf(mlir::Operation *op);

/// All ways on one axis, whole first.
std::vector<Way> waysOf(const Formula &formula);

} // namespace of::test
