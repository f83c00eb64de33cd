// Numbers turned into ones that look random.
#pragma once

#include <cstdint>

namespace of {

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection that keeps 0.
constexpr uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

} // namespace of
