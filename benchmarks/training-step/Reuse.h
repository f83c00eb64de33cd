// Which operands of a step's calls no cache can hold any more when they are read.
//
// An operand that was last touched before more different bytes than the machine's largest cache
// has cannot lie in one that forgets the least recently touched first. What a library call writes
// as scratch does not count: another program could do without.
#pragma once

#include "runtime/schema/plan_generated.h"

#include <cstdint>
#include <vector>

namespace of::bench {

class Reuse {
public:
  Reuse(const plan::Role &role, uint64_t cacheBytes);

  /// The calls of a step, in order; twice, for what the step before has left.
  void touch(const plan::Call &call);

  /// Before the call itself is touched.
  bool isCold(const plan::Call &call, uint32_t operand) const;

private:
  struct Blocks {
    uint64_t first = 0, last = 0; ///< [first, last)
  };
  /// Empty if it does not lie at a place of its own.
  Blocks blocksOf(const plan::Call &call, uint32_t buffer) const;

  const uint64_t cacheBytes_;
  std::vector<uint64_t> chunkBlocks_; ///< first block of each chunk
  std::vector<uint64_t> touched_;     ///< of each block: number of the last call
  uint64_t now_ = 0;
};

/// Of the machine's largest cache, as the C library says.
uint64_t largestCacheBytes();

} // namespace of::bench
