// The order of samples in an epoch: a keyed bijection of [0, size), evaluated point by point.
//
// Any device computes sample j of step t alone, without a shuffled list. A Feistel network over the
// bits of size - 1, walked until it lands inside (fewer than two steps expected):
//
//   bits = bits of (size - 1);  low half b = ceil(bits / 2) bits, high half a = floor(bits / 2)
//   bits round r even:  high ^= f(low,  key[r]) mod 2^a round r odd:   low  ^= f(high, key[r]) mod
//   2^b f(x, k) = mix(x + k), mix the finalizer of SplitMix64 key[2i], key[2i + 1] = words (1:0),
//   (3:2) of Philox, key (seed, 0x62696A65 "bije"),
//                          counter (step = epoch, index = i)
//
// Changing anything here changes the data order of every job: the tests hold golden values. A
// value; immutable, any thread.
#pragma once

#include <array>
#include <cstdint>

namespace of {

class Bijection {
public:
  /// size 0 is allowed and has no points.
  Bijection(uint64_t size, uint64_t seed, uint64_t epoch);

  /// Image of `point` < size.
  uint64_t operator()(uint64_t point) const;

  uint64_t size() const { return size_; }

private:
  static constexpr int rounds = 8;
  uint64_t permuteOnce(uint64_t value) const;

  uint64_t size_;
  int lowBits_ = 0;
  uint64_t lowMask_ = 0, highMask_ = 0;
  std::array<uint64_t, rounds> keys_{};
};

} // namespace of
