// Philox4x32-10: random numbers as a function of where they are used, not of when.
//
// Every random op draws from key = (seed, op id) and counter = (step, logical index), so that a
// mask does not depend on the split, recomputation draws it again, and the state of the generator
// is the step number. The compiler emits the same function into kernels; this is its definition.
//
//   key words      k0 = low(seed), k1 = high(seed) xor op id
//   counter words  c0 = low(index), c1 = high(index), c2 = low(step), c3 = high(step)
//   uniform f32    (word 0 >> 8) * 2^-24              in [0, 1)
//   uniform f64    ((word 1 : word 0) >> 11) * 2^-53  in [0, 1)
//   f16, bf16      the top 11 or 8 bits of word 0 likewise
//   normal         sqrt(-2 log(1 - u)) cos(2 pi v), u as above, v likewise of word 1 (f64: words 3
//   : 2)
//
// Source: Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Pure.
#pragma once

#include <array>
#include <cstdint>

namespace of {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

constexpr uint32_t philoxMultiplier0 = 0xD2511F53, philoxMultiplier1 = 0xCD9E8D57;
/// Added to the key words between rounds: golden ratio, sqrt(3) - 1.
constexpr uint32_t philoxWeyl0 = 0x9E3779B9, philoxWeyl1 = 0xBB67AE85;
constexpr int philoxRounds = 10;

/// The block function.
constexpr PhiloxCounter philox(PhiloxCounter c, PhiloxKey k) {
  for (int round = 0; round < philoxRounds; ++round) {
    const uint64_t p0 = uint64_t(philoxMultiplier0) * c[0];
    const uint64_t p1 = uint64_t(philoxMultiplier1) * c[2];
    c = {uint32_t(p1 >> 32) ^ c[1] ^ k[0], uint32_t(p1), uint32_t(p0 >> 32) ^ c[3] ^ k[1],
         uint32_t(p0)};
    k = {k[0] + philoxWeyl0, k[1] + philoxWeyl1};
  }
  return c;
}

constexpr PhiloxKey philoxKey(uint64_t seed, uint32_t opId) {
  return {uint32_t(seed), uint32_t(seed >> 32) ^ opId};
}

constexpr PhiloxCounter philoxCounter(uint64_t step, uint64_t index) {
  return {uint32_t(index), uint32_t(index >> 32), uint32_t(step), uint32_t(step >> 32)};
}

constexpr float philoxUniformF32(const PhiloxCounter &words) {
  return static_cast<float>(words[0] >> 8) * 0x1p-24f;
}

constexpr double philoxUniformF64(const PhiloxCounter &words) {
  return static_cast<double>((uint64_t(words[1]) << 32 | words[0]) >> 11) * 0x1p-53;
}

} // namespace of
