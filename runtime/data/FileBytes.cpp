#include "runtime/data/FileBytes.h"

#include <algorithm>
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

Status cannotRead(const std::string &path) {
  return Status(Code::Io, fmt::format("cannot read {}: {}", path, std::strerror(errno)));
}

bool isGzip(const uint8_t *data, size_t size) {
  return size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

/// The members of a gzip file, one after the other (RFC 1952).
class Unpacker {
public:
  Unpacker(const std::string &path, const uint8_t *packed, size_t packedBytes, size_t maxBytes)
      : path_(path), packed_(packed), packedBytes_(packedBytes), maxBytes_(maxBytes) {}
  ~Unpacker() { ::inflateEnd(&stream_); }
  Unpacker(const Unpacker &) = delete;
  Unpacker &operator=(const Unpacker &) = delete;

  Result<std::vector<uint8_t>> run() {
    if (::inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK)
      return broken();
    out_.resize(expectedBytes());
    // Like gzip itself, what follows the last member is left alone.
    while (isGzip(packed_ + read_, packedBytes_ - read_)) {
      OF_TRY(unpackMember());
      ::inflateReset(&stream_);
    }
    out_.resize(written_);
    if (out_.capacity() / 2 > written_)
      out_.shrink_to_fit();
    return std::move(out_);
  }

private:
  /// The file's end says how much there is, modulo 2^32; believed as far as deflate can pack.
  size_t expectedBytes() const {
    constexpr size_t kMaxRatio = 1032;
    uint32_t said = 0;
    if (packedBytes_ >= sizeof said)
      std::memcpy(&said, packed_ + packedBytes_ - sizeof said, sizeof said);
    return std::min({size_t(said), maxBytes_, packedBytes_ * kMaxRatio}) + 1;
  }

  Status unpackMember() {
    int code = Z_OK;
    while (code == Z_OK) {
      if (written_ == out_.size())
        out_.resize(std::min(2 * written_, maxBytes_ + 1));
      code = step();
      if (written_ > maxBytes_)
        return Status(
            Code::Refused,
            fmt::format("{} unpacks to more than {} bytes; unpack it with gunzip and name "
                        "the file that this gives, which is read in place",
                        path_, maxBytes_));
    }
    return code == Z_STREAM_END ? Status::ok() : broken();
  }

  int step() {
    constexpr size_t kMost = size_t(1) << 30; // zlib counts in 32 bits
    const size_t in = std::min(packedBytes_ - read_, kMost);
    const size_t out = std::min(out_.size() - written_, kMost);
    stream_.next_in = const_cast<uint8_t *>(packed_ + read_);
    stream_.avail_in = static_cast<uInt>(in);
    stream_.next_out = out_.data() + written_;
    stream_.avail_out = static_cast<uInt>(out);
    const int code = ::inflate(&stream_, Z_NO_FLUSH);
    read_ += in - stream_.avail_in;
    written_ += out - stream_.avail_out;
    return code;
  }

  Status broken() const {
    return Status(
        Code::Corrupt,
        fmt::format("{} is a broken gzip file after {} unpacked bytes ({}); fetch it again", path_,
                    written_, stream_.msg ? stream_.msg : "it ends too early"));
  }

  const std::string &path_;
  const uint8_t *const packed_;
  const size_t packedBytes_, maxBytes_;
  z_stream stream_{};
  std::vector<uint8_t> out_;
  size_t read_ = 0, written_ = 0;
};

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

Result<FileBytes> FileBytes::open(const std::string &path, size_t maxUnpackedBytes) {
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
    Unpacker unpacker(path, out.data(), out.size(), maxUnpackedBytes);
    OF_ASSIGN(std::vector<uint8_t> bytes, unpacker.run());
    out.assign(std::move(bytes));
  }
  return out;
}

} // namespace of::rt::data
