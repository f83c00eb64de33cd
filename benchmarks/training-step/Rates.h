// How fast this machine and its libraries are: the rates that a floor is made of.
#pragma once

#include "runtime/schema/plan_generated.h"

#include <array>
#include <cstddef>
#include <string>

namespace of::bench {

/// Threads that work at once, each on what is measured; and which of an operation's two operands
/// no cache holds.
struct Conditions {
  int threads = 1;
  std::array<bool, 2> cold{};
};

/// Of one product or convolution: seconds of one thread, who was fastest, and what the runtime's
/// routine takes.
struct Rate {
  double seconds = 0;
  std::string by;
  double routineSeconds = 0;
};

/// `matmul` of a plan: the fastest of the routine, oneDNN's matmul on each thread, and one matmul
/// of oneDNN that all threads share.
Rate matmulRate(const plan::Library &library, const Conditions &conditions);

/// A convolution of a plan: the fastest of the routine and oneDNN's primitive, as above, on
/// operands that lie as it likes them, without the reorders around it.
Rate convolutionRate(const plan::Library &library, const Conditions &conditions);

/// Bytes per second of each thread's y = x + a z, all at once, over `bytes` of memory: three arrays
/// of each thread together.
double triadRate(size_t bytes, int threads);

} // namespace of::bench
