#include "runtime/memory/Chunk.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace of::rt {

namespace {
Status osError(const std::string &what) {
  return Status(Code::Io, what + ": " + std::strerror(errno));
}

// In test programs a chunk ends, up to its alignment, where a page begins that nobody may touch,
// and begins behind another: what runs out of it ends at once.
//
//   guard | slack, chunk | guard
#ifdef OF_GUARD_CHUNKS
constexpr uint64_t kGuardBytes = 4096, kAlignment = 64;
#else
constexpr uint64_t kGuardBytes = 0, kAlignment = 1;
#endif

uint64_t roundedUp(uint64_t bytes, uint64_t to) { return (bytes + to - 1) / to * to; }
uint64_t mappedBytes(uint64_t bytes) { return kGuardBytes ? roundedUp(bytes, kGuardBytes) : bytes; }
uint64_t slackBytes(uint64_t bytes) {
  return kGuardBytes ? mappedBytes(bytes) - roundedUp(bytes, kAlignment) : 0;
}

Result<std::byte *> mapBytes(uint64_t bytes, int flags, int fd) {
  std::byte *at = nullptr;
  if (kGuardBytes) {
    void *room = ::mmap(nullptr, mappedBytes(bytes) + 2 * kGuardBytes, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED)
      return osError("cannot reserve a guarded chunk of " + std::to_string(bytes) + " bytes");
    at = static_cast<std::byte *>(room) + kGuardBytes;
    flags |= MAP_FIXED;
  }
  void *data = ::mmap(at, mappedBytes(bytes), PROT_READ | PROT_WRITE, flags, fd, 0);
  if (data == MAP_FAILED)
    return osError("cannot map a chunk of " + std::to_string(bytes) +
                   " bytes; free memory or give the device less");
  return static_cast<std::byte *>(data) + slackBytes(bytes);
}

void unmapBytes(std::byte *data, uint64_t bytes) {
  ::munmap(data - slackBytes(bytes) - kGuardBytes, mappedBytes(bytes) + 2 * kGuardBytes);
}
} // namespace

Chunk &Chunk::operator=(Chunk &&other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(fd_, other.fd_);
  return *this;
}

Chunk::~Chunk() {
  if (data_)
    unmapBytes(data_, bytes_);
  if (fd_ >= 0)
    ::close(fd_);
}

Result<Chunk> Chunk::allocate(uint64_t bytes, bool shared, const char *label) {
  Chunk chunk;
  if (bytes == 0)
    return chunk;
  chunk.bytes_ = bytes;
  if (shared) {
    chunk.fd_ = ::memfd_create(label, MFD_CLOEXEC);
    if (chunk.fd_ < 0)
      return osError("cannot create a shared chunk");
    if (::ftruncate(chunk.fd_, static_cast<off_t>(bytes)) != 0)
      return osError("cannot size a shared chunk to " + std::to_string(bytes) + " bytes");
  }
  const int flags = shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
  OF_ASSIGN(chunk.data_, mapBytes(bytes, flags, chunk.fd_));
  return chunk;
}

Result<Chunk> Chunk::mapPeer(pid_t pid, int fd, uint64_t bytes) {
  Chunk chunk;
  if (bytes == 0)
    return chunk;
  const std::string path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd);
  chunk.fd_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (chunk.fd_ < 0)
    return osError("cannot open the chunk of a peer at " + path +
                   " (do the processes of a host run as one user?)");
  struct stat info;
  if (::fstat(chunk.fd_, &info) != 0 || static_cast<uint64_t>(info.st_size) < bytes)
    return Status(Code::Corrupt,
                  path + " is smaller than the " + std::to_string(bytes) + " bytes of the plan");
  chunk.bytes_ = bytes;
  OF_ASSIGN(chunk.data_, mapBytes(bytes, MAP_SHARED, chunk.fd_));
  return chunk;
}

} // namespace of::rt
