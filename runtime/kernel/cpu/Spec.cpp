#include "runtime/kernel/cpu/Spec.h"

#include <fmt/format.h>

namespace of::rt::kernel {

Spec specOf(const plan::Library &library) {
  Spec spec;
  spec.name = library.name()->str();
  spec.dtype = static_cast<DType>(library.dtype());
  if (library.ints())
    spec.ints.assign(library.ints()->begin(), library.ints()->end());
  if (library.floats())
    spec.floats.assign(library.floats()->begin(), library.floats()->end());
  return spec;
}

Status malformed(const Spec &spec, const std::string &what) {
  return Status(Code::InvalidArgument,
                fmt::format("routine {} of {}: {}; compile the plan again for this version",
                            spec.name, nameOf(spec.dtype), what));
}

Status checkAttributes(const Spec &spec, size_t ints, size_t maxFloats) {
  if (spec.ints.size() != ints)
    return malformed(spec, fmt::format("needs {} integers, has {}", ints, spec.ints.size()));
  if (spec.floats.size() > maxFloats)
    return malformed(spec,
                     fmt::format("takes at most {} floats, has {}", maxFloats, spec.floats.size()));
  return Status::ok();
}

Status checkSizes(const Spec &spec, std::initializer_list<int64_t> sizes) {
  for (const int64_t size : sizes) {
    if (size < 0)
      return malformed(spec, fmt::format("size, stride or padding {} is negative", size));
    if (size > std::numeric_limits<int32_t>::max())
      return malformed(spec, fmt::format("size {} does not fit into 32 bits", size));
  }
  return Status::ok();
}

Status checkBuffers(const Spec &spec, const std::vector<BufferNeed> &needs,
                    const std::vector<size_t> &bytes) {
  const bool scratchMayBeMissing =
      !needs.empty() && needs.back().bytes == 0 && std::string_view(needs.back().name) == "scratch";
  const size_t least = needs.size() - (scratchMayBeMissing ? 1 : 0);
  if (bytes.size() < least || bytes.size() > needs.size())
    return malformed(spec, fmt::format("takes {} buffers, has {}", needs.size(), bytes.size()));
  for (size_t i = 0; i < bytes.size(); ++i)
    if (static_cast<int64_t>(bytes[i]) < needs[i].bytes)
      return malformed(spec, fmt::format("buffer {} needs {} bytes, has {}", needs[i].name,
                                         needs[i].bytes, bytes[i]));
  return Status::ok();
}

} // namespace of::rt::kernel
