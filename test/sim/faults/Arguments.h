// `--name value` arguments of the programs here.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace of::test {

inline uint64_t numberOf(int argc, char **argv, const char *name, uint64_t otherwise) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], name) == 0)
      return std::strtoull(argv[i + 1], nullptr, 10);
  return otherwise;
}

} // namespace of::test
