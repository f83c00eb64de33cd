#include "runtime/data/FileBytes.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <zlib.h>

namespace of::rt::data {

namespace {

constexpr unsigned gzipBufferBytes = 256 << 10;
constexpr size_t unpackStepBytes = size_t(4) << 20;

Status cannotRead(const std::string &path) {
  return Status(Code::Io, fmt::format("cannot read {}: {}", path, std::strerror(errno)));
}

bool isGzip(const uint8_t *data, size_t size) {
  return size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

Result<std::vector<uint8_t>> unpack(const std::string &path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (!file)
    return cannotRead(path);
  gzbuffer(file, gzipBufferBytes);
  std::vector<uint8_t> out;
  int got = 0;
  do {
    const size_t before = out.size();
    out.resize(before + unpackStepBytes);
    got = gzread(file, out.data() + before, unpackStepBytes);
    out.resize(before + static_cast<size_t>(got > 0 ? got : 0));
  } while (got > 0);
  int code = Z_OK;
  const std::string why = gzerror(file, &code);
  gzclose_r(file);
  if (got < 0 || code != Z_OK)
    return Status(
        Code::Corrupt,
        fmt::format("{} is a broken gzip file after {} unpacked bytes ({}); fetch it again", path,
                    out.size(), why));
  out.shrink_to_fit();
  return out;
}

} // namespace

FileBytes::FileBytes(FileBytes &&o) noexcept { *this = std::move(o); }

FileBytes &FileBytes::operator=(FileBytes &&o) noexcept {
  unmap();
  mapped_ = std::exchange(o.mapped_, nullptr);
  mappedBytes_ = std::exchange(o.mappedBytes_, 0);
  unpacked_ = std::move(o.unpacked_);
  return *this;
}

FileBytes::~FileBytes() { unmap(); }

void FileBytes::unmap() {
  if (mapped_)
    ::munmap(const_cast<uint8_t *>(mapped_), mappedBytes_);
  mapped_ = nullptr;
}

void FileBytes::assign(std::vector<uint8_t> bytes) {
  unmap();
  unpacked_ = std::move(bytes);
}

Result<FileBytes> FileBytes::open(const std::string &path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return cannotRead(path);
  struct stat info {};
  FileBytes out;
  const bool known = ::fstat(fd, &info) == 0;
  if (known && S_ISREG(info.st_mode) && info.st_size > 0) {
    void *at = ::mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
    if (at != MAP_FAILED) {
      out.mapped_ = static_cast<const uint8_t *>(at);
      out.mappedBytes_ = static_cast<size_t>(info.st_size);
    }
  }
  const Status failure = cannotRead(path);
  ::close(fd);
  if (known && !S_ISREG(info.st_mode))
    return Status(Code::Io, fmt::format("{} is not a regular file", path));
  if (!out.mapped_)
    return known && info.st_size == 0
               ? Result<FileBytes>(Status(Code::Corrupt, fmt::format("{} is empty", path)))
               : Result<FileBytes>(failure);
  if (isGzip(out.data(), out.size())) {
    OF_ASSIGN(std::vector<uint8_t> bytes, unpack(path));
    out.assign(std::move(bytes));
  }
  return out;
}

} // namespace of::rt::data
