// The choice with which a pipeline is fastest, not the one whose stages take least together.
//
//   seconds = sum of micro + (m - 1) x largest micro + largest step        (ChoiceSeconds.h)
//           = the largest, over all weighings of the stages, of what a cost network adds up
//
// So the network, weighed in any such way, bounds the step from below, and its best choice is one
// that a step can take (Lagrangian duality). Weights go to the stage that was busiest; where bound
// and choice do not meet, the options of one node are divided and each part searched in turn
// (branch and bound), so a small program is solved exactly. Bounded by work units. Pure.
#pragma once

#include "lib/Distribute/SearchProblem.h"

namespace of {

struct PeriodChoice {
  DistChoice choice;
  RecomputeChoice levels; ///< of what is computed again
  double seconds = 0;
  double lowerBound = 0; ///< no choice takes less
  int64_t bytes = 0;     ///< of a device at the peak
};

/// Starts from `first`, what the network chose with all stages alike. `work` is what the solver may
/// spend beside it.
PeriodChoice searchPeriod(const DistNetwork &network, const SearchProblem &problem,
                          const search::CostSolution &first, uint64_t work);

} // namespace of
