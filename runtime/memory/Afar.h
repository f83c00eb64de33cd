// Copies of what another core has just written.
#pragma once

#include <cstddef>

namespace of::rt {

/// As std::memcpy, of bytes that lie in the cache of another core, or did a moment ago: as another
/// process leaves them in memory that both map.
void copyFromAfar(std::byte *to, const std::byte *from, size_t bytes);

} // namespace of::rt
