// Generated kernels: shared objects that travel inside the plan.
//
// An object is written to a sealed memfd and opened from there; where that is not allowed, to a
// private file that is unlinked at once. Owned by the node, immutable after load; kernels may be
// called from any thread. Loading an object is running code: the plan's digest was checked before.
#pragma once

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace of::rt {

/// A generated kernel: runs tiles [tileBegin, tileEnd).
using KernelFn = void (*)(void *const *buffers, const int64_t *scalars, int64_t tileBegin,
                          int64_t tileEnd);

class KernelObject {
public:
  ~KernelObject();
  KernelObject(const KernelObject &) = delete;
  KernelObject &operator=(const KernelObject &) = delete;

  /// Refused if this CPU lacks the ISA ("x86-64-v3", ...); Corrupt if the bytes are no loadable
  /// object.
  static Result<std::unique_ptr<KernelObject>> load(const std::string &isa, const void *data,
                                                    size_t bytes);

  Result<KernelFn> symbol(const std::string &name) const;

private:
  KernelObject(void *handle, int fd) : handle_(handle), fd_(fd) {}
  void *handle_;
  int fd_; ///< stays open: the dynamic linker knows an object by its path, which names the
           ///< descriptor
};

/// Whether this CPU runs code for the ISA level; an unknown level is not supported.
bool cpuSupports(const std::string &isa);

} // namespace of::rt
