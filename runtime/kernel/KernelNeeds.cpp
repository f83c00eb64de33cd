#include "runtime/kernel/KernelNeeds.h"

namespace of::rt {

Result<KernelNeeds> needsOf(const KernelObject &object, const std::string &kernel) {
  OF_ASSIGN(const KernelFn symbol, object.symbol(kernel + "_needs"));
  const int64_t *table = reinterpret_cast<const int64_t *>(symbol);
  KernelNeeds out;
  out.tiles = table[0];
  out.scalars = static_cast<size_t>(table[1]);
  out.bufferBytes.assign(table + 3, table + 3 + table[2]);
  return out;
}

} // namespace of::rt
