// The bytes of a file: mapped, or unpacked into memory once where it is gzip.
//
// For runtime/data and tools that read other files than plans; the only place that sees zlib. A
// value that owns its bytes.
#pragma once

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace of::rt::data {

class FileBytes {
public:
  FileBytes() = default;
  FileBytes(FileBytes &&o) noexcept;
  FileBytes &operator=(FileBytes &&o) noexcept;
  ~FileBytes();

  /// What is larger unpacked is refused: a few hundred bytes of gzip can stand for gigabytes.
  static constexpr size_t kMaxUnpackedBytes = size_t(4) << 30;

  /// Io if it cannot be read, Corrupt if its gzip stream is broken or cut short, Refused if it
  /// unpacks to more than `maxUnpackedBytes`.
  static Result<FileBytes> open(const std::string &path,
                                size_t maxUnpackedBytes = kMaxUnpackedBytes);

  const uint8_t *data() const { return mapped_ ? mapped_ : unpacked_.data(); }
  size_t size() const { return mapped_ ? mappedBytes_ : unpacked_.size(); }

  /// Replaces the bytes by these.
  void assign(std::vector<uint8_t> bytes);

private:
  void unmap();

  const uint8_t *mapped_ = nullptr;
  size_t mappedBytes_ = 0;
  std::vector<uint8_t> unpacked_;
};

} // namespace of::rt::data
