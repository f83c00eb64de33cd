// A chunk: one allocation made at start, in which every register and variable of a device has its
// place.
//
// Owned by the node that holds the device. Anonymous memory, or a memfd that the other processes of
// the host map through /proc/<pid>/fd/<fd> (same user). Page-aligned, zeroed by the kernel, never
// grown; moved but not copied. Any thread may read the accessors.
#pragma once

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <sys/types.h>

namespace of::rt {

class Chunk {
public:
  Chunk() = default;
  Chunk(Chunk &&other) noexcept { *this = std::move(other); }
  Chunk &operator=(Chunk &&other) noexcept;
  ~Chunk();

  /// Allocates exactly `bytes` bytes (0 gives an empty chunk). `shared` makes them mappable by
  /// other processes; `label` is how the system's maps show it then.
  static Result<Chunk> allocate(uint64_t bytes, bool shared, const char *label = "of-chunk");
  /// Maps the shared chunk that process `pid` of this host holds as descriptor `fd`.
  static Result<Chunk> mapPeer(pid_t pid, int fd, uint64_t bytes);

  std::byte *data() const { return data_; }
  uint64_t bytes() const { return bytes_; }
  /// Descriptor to hand to peers, or -1 for a private chunk.
  int fd() const { return fd_; }

private:
  std::byte *data_ = nullptr;
  uint64_t bytes_ = 0;
  int fd_ = -1;
};

} // namespace of::rt
