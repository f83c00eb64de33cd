// What it would cost if one value lay otherwise, and what would have to be different for that to be
// the choice.
//
//   --what-if 'z1=S(1)'        one SBP for each mesh axis: 'z1=S(0),B'
//
// Seconds are those of the network, a sum: of a pipeline that of all its stages.
//
// The value is held there and everything else is chosen anew, in the same network. For each
// resource that exchanges cross, its bandwidth is scaled until both ways cost the same: where the
// sign of the difference changes between a thousandth and a thousand times, it is bisected.
#pragma once

#include "lib/Distribute/Search.h"

namespace of {

/// Builds the same open network for another cluster, which must outlive it, as must the planner.
using NetworkOn =
    llvm::function_ref<mlir::FailureOr<DistNetwork>(const Cluster &, BoxingPlanner &)>;

/// A remark for each question. Errors at the program: a text that is no question, a value that it
/// does not have.
mlir::LogicalResult answerWhatIfs(ProgramOp program, llvm::ArrayRef<std::string> questions,
                                  const Searched &chosen, const Cluster &cluster,
                                  NetworkOn networkOn);

} // namespace of
