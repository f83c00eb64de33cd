// Sizes that come from a file: counted without wrapping around.
#pragma once

#include "runtime/base/Geometry.h"

#include <optional>

namespace of {

/// Nothing that is read or allocated is larger. Products and sums of a few such numbers fit 64
/// bits.
constexpr uint64_t kMostBytes = uint64_t(1) << 48;

/// Bytes of a dense tensor of this shape. Nothing if a dim is negative, or if the dims that are not
/// 0 make more than kMostBytes: in another order of multiplying they would overflow.
inline std::optional<uint64_t> bytesOfShape(const Shape &shape, size_t elementBytes) {
  uint64_t bytes = elementBytes;
  bool isEmpty = false;
  for (const int64_t dim : shape) {
    isEmpty = isEmpty || dim == 0;
    if (dim < 0 || static_cast<uint64_t>(dim) > kMostBytes ||
        (dim > 0 && bytes > kMostBytes / static_cast<uint64_t>(dim)))
      return std::nullopt;
    bytes *= dim > 0 ? static_cast<uint64_t>(dim) : 1;
  }
  return isEmpty ? 0 : bytes;
}

} // namespace of
