#include "runtime/base/Bijection.h"

#include "runtime/base/Mix.h"
#include "runtime/base/Philox.h"

namespace of {

namespace {

constexpr uint32_t keyOp = 0x62696A65; // "bije": no op of a model has this id

int bitsOf(uint64_t value) {
  int bits = 0;
  for (; value; value >>= 1)
    ++bits;
  return bits;
}

} // namespace

Bijection::Bijection(uint64_t size, uint64_t seed, uint64_t epoch) : size_(size) {
  const int bits = size == 0 ? 0 : bitsOf(size - 1);
  lowBits_ = (bits + 1) / 2;
  lowMask_ = (uint64_t(1) << lowBits_) - 1;
  highMask_ = (uint64_t(1) << (bits - lowBits_)) - 1;
  for (uint32_t i = 0; i < rounds / 2; ++i) {
    const PhiloxCounter words = philox(philoxCounter(epoch, i), philoxKey(seed, keyOp));
    keys_[2 * i] = uint64_t(words[1]) << 32 | words[0];
    keys_[2 * i + 1] = uint64_t(words[3]) << 32 | words[2];
  }
}

uint64_t Bijection::permuteOnce(uint64_t value) const {
  uint64_t low = value & lowMask_, high = value >> lowBits_;
  for (uint32_t r = 0; r < rounds; r += 2) {
    high ^= mix(low + keys_[r]) & highMask_;
    low ^= mix(high + keys_[r + 1]) & lowMask_;
  }
  return high << lowBits_ | low;
}

uint64_t Bijection::operator()(uint64_t point) const {
  do
    point = permuteOnce(point);
  while (point >= size_);
  return point;
}

} // namespace of
