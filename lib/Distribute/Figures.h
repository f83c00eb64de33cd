// What a choice is predicted to need: seconds and bytes of a step.
//
// The same network and the same prices that the search used, with every decision made, so any two
// choices can be compared. Pure functions.
#pragma once

#include "lib/Distribute/Choose.h"

namespace of {

struct ChoiceFigures {
  double seconds = 0;     ///< per step
  int64_t peakBytes = 0;  ///< of a device, as the search's memory rows have it
  int64_t movedBytes = 0; ///< between devices, of all together, per step
};

/// Of a choice that is in range. Without levels nothing is computed again.
mlir::FailureOr<ChoiceFigures> figuresOf(const DistNetwork &network, const DistChoice &choice,
                                         const RecomputeChoice &levels);

} // namespace of
