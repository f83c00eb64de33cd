// Source: the format's description at yann.lecun.com/exdb/mnist.
#include "runtime/data/StoredArray.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

namespace of::rt::data {

namespace {

std::optional<StoredType> idxType(uint8_t code) {
  switch (code) {
  case 0x08:
    return StoredType::U8;
  case 0x09:
    return StoredType::I8;
  case 0x0B:
    return StoredType::I16;
  case 0x0C:
    return StoredType::I32;
  case 0x0D:
    return StoredType::F32;
  case 0x0E:
    return StoredType::F64;
  }
  return std::nullopt;
}

uint32_t bigEndian32(const uint8_t *at) {
  return uint32_t(at[0]) << 24 | uint32_t(at[1]) << 16 | uint32_t(at[2]) << 8 | at[3];
}

/// Elements in host order: bytes of wider types turned around.
void toHostOrder(StoredArray &array) {
  const size_t width = sizeOf(array.type);
  if (width == 1)
    return;
  std::vector<uint8_t> turned(array.elements(), array.bytes.data() + array.bytes.size());
  for (size_t at = 0; at + width <= turned.size(); at += width)
    std::reverse(turned.begin() + static_cast<ptrdiff_t>(at),
                 turned.begin() + static_cast<ptrdiff_t>(at + width));
  array.bytes.assign(std::move(turned));
  array.begin = 0;
}

} // namespace

Result<StoredArray> parseIdx(const std::string &path, FileBytes bytes) {
  const uint8_t *head = bytes.data();
  const std::optional<StoredType> type =
      bytes.size() >= 4 && head[0] == 0 && head[1] == 0 ? idxType(head[2]) : std::nullopt;
  if (!type || head[3] == 0)
    return Status(
        Code::Corrupt,
        fmt::format("{} is not an IDX file: its first bytes are not a magic number", path));
  const size_t rank = head[3];
  StoredArray out;
  out.path = path;
  out.type = *type;
  out.begin = 4 + 4 * rank;
  if (bytes.size() < out.begin)
    return Status(Code::Corrupt, fmt::format("{} ends within its header", path));
  for (size_t i = 0; i < rank; ++i)
    out.shape.push_back(bigEndian32(head + 4 + 4 * i));
  out.bytes = std::move(bytes);
  OF_TRY(checkSize(out));
  toHostOrder(out);
  return out;
}

} // namespace of::rt::data
