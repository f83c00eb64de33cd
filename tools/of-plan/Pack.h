// `of-plan pack`: packs buffers into one chunk.
#pragma once

#include "runtime/base/Status.h"

#include <optional>
#include <string>

namespace of::planTool {

struct PackCommand {
  std::string buffers;
  std::optional<int64_t> capacity; ///< none: as small as possible
  std::string output;              ///< where the CSV with offsets goes
  int64_t alignment = 1;
  uint64_t work = 5'000'000'000;
  uint64_t seed = 1;
};

struct Packed {
  std::string csv;    ///< with offsets
  std::string report; ///< "key  value" lines
};

/// Refused if nothing within the capacity was found; the message says whether that is proven.
Result<Packed> packBuffers(const PackCommand &command);

} // namespace of::planTool
