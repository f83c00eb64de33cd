// One target under libFuzzer; OF_FUZZ_TARGET names it.
//
// An input may take four times its size of memory and 64 MiB beside it: more is a finding, as a
// crash is.
#include "test/fuzz/Targets.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sanitizer/allocator_interface.h>

namespace {

constexpr int64_t kBesideBytes = int64_t(64) << 20, kNoLimit = INT64_MAX;

// What is allocated now, less what was before counting began; of the one thread that runs a target.
int64_t liveBytes = 0, limitBytes = kNoLimit;

void onMalloc(const volatile void *, size_t bytes) {
  liveBytes += static_cast<int64_t>(bytes);
  if (liveBytes <= limitBytes)
    return;
  limitBytes = kNoLimit;
  std::fprintf(stderr, "an input takes more than four times its size and 64 MiB of memory\n");
  std::abort();
}

void onFree(const volatile void *at) {
  if (at)
    liveBytes -= static_cast<int64_t>(__sanitizer_get_allocated_size(at));
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
  __sanitizer_install_malloc_and_free_hooks(onMalloc, onFree);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  limitBytes = liveBytes + 4 * static_cast<int64_t>(size) + kBesideBytes;
  (void)of::fuzz::OF_FUZZ_TARGET({reinterpret_cast<const char *>(data), size});
  limitBytes = kNoLimit;
  return 0;
}
