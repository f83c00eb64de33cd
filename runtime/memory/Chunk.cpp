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

Result<std::byte *> mapBytes(uint64_t bytes, int flags, int fd) {
  void *data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (data == MAP_FAILED)
    return osError("cannot map a chunk of " + std::to_string(bytes) +
                   " bytes; free memory or give the device less");
  return static_cast<std::byte *>(data);
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
    ::munmap(data_, bytes_);
  if (fd_ >= 0)
    ::close(fd_);
}

Result<Chunk> Chunk::allocate(uint64_t bytes, bool shared) {
  Chunk chunk;
  if (bytes == 0)
    return chunk;
  chunk.bytes_ = bytes;
  if (shared) {
    chunk.fd_ = ::memfd_create("of-chunk", MFD_CLOEXEC);
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
