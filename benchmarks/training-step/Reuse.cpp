#include "benchmarks/training-step/Reuse.h"

#include <algorithm>
#include <unistd.h>

namespace of::bench {

namespace {
constexpr uint64_t blockBytes = 1 << 16;
constexpr uint32_t libraryOperands = 3; ///< two and the result; then scratch
} // namespace

Reuse::Reuse(const plan::Role &role, uint64_t cacheBytes) : cacheBytes_(cacheBytes) {
  uint64_t blocks = 0;
  for (const plan::Chunk *chunk : *role.chunks()) {
    chunkBlocks_.push_back(blocks);
    blocks += (chunk->bytes() + blockBytes - 1) / blockBytes;
  }
  touched_.assign(blocks, 0);
}

Reuse::Blocks Reuse::blocksOf(const plan::Call &call, uint32_t buffer) const {
  const plan::Buffer &at = *call.buffers()->Get(buffer);
  if (at.kind() != plan::BufferKind::Chunk || at.bytes() == 0)
    return {};
  const uint64_t base = chunkBlocks_[at.index()];
  return {base + at.offset() / blockBytes, base + (at.offset() + at.bytes() - 1) / blockBytes + 1};
}

void Reuse::touch(const plan::Call &call) {
  ++now_;
  const uint32_t all = call.buffers()->size();
  const uint32_t count = call.object() < 0 ? std::min(all, libraryOperands) : all;
  for (uint32_t b = 0; b < count; ++b) {
    const Blocks blocks = blocksOf(call, b);
    std::fill(touched_.begin() + static_cast<ptrdiff_t>(blocks.first),
              touched_.begin() + static_cast<ptrdiff_t>(blocks.last), now_);
  }
}

bool Reuse::isCold(const plan::Call &call, uint32_t operand) const {
  const Blocks blocks = blocksOf(call, operand);
  if (blocks.first == blocks.last)
    return false;
  const uint64_t last = *std::max_element(touched_.begin() + static_cast<ptrdiff_t>(blocks.first),
                                          touched_.begin() + static_cast<ptrdiff_t>(blocks.last));
  const auto since = std::count_if(touched_.begin(), touched_.end(),
                                   [&](uint64_t touched) { return touched > last; });
  return static_cast<uint64_t>(since) * blockBytes > cacheBytes_;
}

uint64_t largestCacheBytes() {
  uint64_t out = 0;
  for (int level : {_SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE, _SC_LEVEL4_CACHE_SIZE})
    out = std::max(out, static_cast<uint64_t>(std::max(0L, ::sysconf(level))));
  return out;
}

} // namespace of::bench
