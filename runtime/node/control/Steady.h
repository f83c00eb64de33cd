// The clock that deadlines of this machine are told by. Any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace of::rt {

/// Milliseconds of the steady clock.
inline int64_t nowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

} // namespace of::rt
