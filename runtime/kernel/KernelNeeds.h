// What a generated kernel touches at most, as its object says it.
//
// Beside a kernel `f` lies the constant
//   const int64_t f_needs[] = {tiles, scalars, buffers, bytes of buffer 0, bytes of buffer 1, ...}
// so that a call which gives it less is refused before it runs. The compiler writes it
// (lib/Codegen/Codegen.cpp). Pure.
#pragma once

#include "runtime/kernel/Loader.h"

#include <vector>

namespace of::rt {

struct KernelNeeds {
  int64_t tiles = 0;
  size_t scalars = 0;
  std::vector<uint64_t> bufferBytes;
};

/// Of a kernel of this name. Corrupt if the object does not say.
Result<KernelNeeds> needsOf(const KernelObject &object, const std::string &kernel);

} // namespace of::rt
