// One target under libFuzzer; OF_FUZZ_TARGET names it.
#include "test/fuzz/Targets.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  (void)of::fuzz::OF_FUZZ_TARGET({reinterpret_cast<const char *>(data), size});
  return 0;
}
