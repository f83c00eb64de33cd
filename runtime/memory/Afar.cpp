#include "runtime/memory/Afar.h"

#include <cstring>

namespace of::rt {

namespace {
/// Between these sizes bytes come sooner in four parts side by side: more of their lines are under
/// way at once. Smaller ones lie in the other core's own cache, larger ones in memory, where one
/// after the other is as good (benchmarks/edge).
constexpr size_t kLeast = size_t(192) << 10, kMost = size_t(1536) << 10;
constexpr size_t kParts = 4, kGrain = 128;
} // namespace

void copyFromAfar(std::byte *to, const std::byte *from, size_t bytes) {
  if (bytes < kLeast || bytes > kMost) {
    std::memcpy(to, from, bytes);
    return;
  }
  const size_t part = bytes / kParts / kGrain * kGrain;
  for (size_t at = 0; at < part; at += kGrain)
    for (size_t p = 0; p < kParts; ++p)
      std::memcpy(to + p * part + at, from + p * part + at, kGrain);
  std::memcpy(to + kParts * part, from + kParts * part, bytes - kParts * part);
}

} // namespace of::rt
