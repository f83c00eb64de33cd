// What is said of a device that has too little memory: how much is missing, where most is in use,
// and what would help. Borrows nothing; pure functions.
#pragma once

#include "lib/Config/Job.h"

#include <optional>
#include <string>
#include <vector>

namespace of {

/// Where the layout of a device's chunk is highest.
struct MemoryPeak {
  std::string program;
  std::string at;                                       ///< the kernel that runs then, or empty
  std::vector<std::pair<std::string, int64_t>> largest; ///< of what is there, bytes, largest first
};

/// Bytes of a device.
struct MemoryShortage {
  int64_t has = 0, needs = 0;
  int64_t variables = 0; ///< of what it needs
};

/// "1000 too many (400 of them variables); most is in use in program @train while 'x' runs: ...".
std::string describe(const MemoryShortage &shortage, const MemoryPeak &peak);

/// What would help, the cheapest first, as far as sizes say: all but variables grows with the rows
/// of a micro-batch. Without a job, or need, in general terms.
std::string remedies(const MemoryShortage &shortage, const Job *job);

} // namespace of
