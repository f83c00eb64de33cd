// How long work takes that runs on several threads at once, each with operands of its own.
//
// The fastest of several repeats by the threads' own clocks, so that what others do on the machine
// counts little; what the threads take from each other (bandwidth, caches) counts.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace of::bench {

/// Bytes that no cache holds when the work begins.
struct ColdBytes {
  const void *data = nullptr;
  size_t bytes = 0;
};

/// One thread's work, to be run again and again. Empty: cannot be done.
struct Work {
  std::function<void()> run;
  std::vector<ColdBytes> cold;
};

/// Makes one thread's work with operands of its own; called on that thread.
using MakeWork = std::function<Work()>;

/// Seconds of one run on each of `threads` threads that begin together, in their mean; 0 if it
/// cannot be done.
double fastestTogether(int threads, const MakeWork &make);

/// Seconds of one run by the wall's clock, of work that uses threads itself; 0 if it cannot be
/// done.
double fastestByWall(const MakeWork &make);

} // namespace of::bench
