// How fast this machine and its libraries are: the rates that a floor is made of.
//
// All on one thread, each the fastest of several repeats by the thread's own clock, so that what
// others do on the machine counts little.
#pragma once

#include "runtime/schema/plan_generated.h"

#include <cstddef>
#include <string>

namespace of::bench {

/// Of one product or convolution, who was fastest, and what the runtime's routine takes.
struct Rate {
  double seconds = 0;
  std::string by;
  double routineSeconds = 0;
};

/// `matmul` of a plan: the faster of the routine and oneDNN's matmul.
Rate matmulRate(const plan::Library &library);

/// A convolution of a plan: the faster of the routine and oneDNN's primitive on operands that lie
/// as it likes them, without the reorders around it.
Rate convolutionRate(const plan::Library &library);

/// Bytes per second of y = x + a z over `bytes` of memory, three arrays together.
double triadRate(size_t bytes);

} // namespace of::bench
