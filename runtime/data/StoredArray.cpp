#include "runtime/data/StoredArray.h"

#include "runtime/base/Sizes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>

namespace of::rt::data {

namespace {

std::optional<StoredType> tokenType(const std::string &format) {
  if (format == "tokens" || format == "tokens-u8")
    return StoredType::U8;
  if (format == "tokens-u16")
    return StoredType::U16;
  if (format == "tokens-u32")
    return StoredType::U32;
  if (format == "tokens-i32")
    return StoredType::I32;
  if (format == "tokens-i64")
    return StoredType::I64;
  return std::nullopt;
}

} // namespace

size_t sizeOf(StoredType type) {
  constexpr size_t sizes[] = {1, 1, 2, 2, 4, 4, 8, 4, 8, 1};
  return sizes[static_cast<size_t>(type)];
}

const char *nameOf(StoredType type) {
  constexpr const char *names[] = {"u8",  "i8",  "u16", "i16", "u32",
                                   "i32", "i64", "f32", "f64", "bool"};
  return names[static_cast<size_t>(type)];
}

bool isTokens(const std::string &format) { return tokenType(format).has_value(); }

Result<StoredArray> parseTokens(const std::string &path, FileBytes bytes, StoredType type) {
  if (bytes.size() % sizeOf(type) != 0)
    return Status(Code::Corrupt, fmt::format("{} has {} bytes, not a whole number of {} tokens",
                                             path, bytes.size(), nameOf(type)));
  StoredArray out;
  out.path = path;
  out.type = type;
  out.shape = {static_cast<int64_t>(bytes.size() / sizeOf(type))};
  out.bytes = std::move(bytes);
  return out;
}

Status checkSize(const StoredArray &array) {
  const std::optional<uint64_t> want = bytesOfShape(array.shape, sizeOf(array.type));
  if (!want)
    return Status(Code::Corrupt, fmt::format("{} is cut short: its header promises a shape of [{}]",
                                             array.path, fmt::join(array.shape, ", ")));
  const uint64_t has = array.bytes.size() - array.begin;
  if (*want == has)
    return Status::ok();
  return Status(Code::Corrupt,
                fmt::format("{} is {}: its header promises {} bytes of {} elements, it has {}",
                            array.path, *want > has ? "cut short" : "too long", *want,
                            nameOf(array.type), has));
}

Result<StoredArray> openArray(const std::string &path, const std::string &format) {
  const std::optional<StoredType> token = tokenType(format);
  if (!token && format != "idx" && format != "npy")
    return Status(Code::InvalidArgument,
                  fmt::format("{}: format '{}' is not known; use idx, npy, tokens, tokens-u16, "
                              "tokens-u32, tokens-i32 or tokens-i64",
                              path, format));
  OF_ASSIGN(FileBytes bytes, FileBytes::open(path));
  if (token)
    return parseTokens(path, std::move(bytes), *token);
  return format == "idx" ? parseIdx(path, std::move(bytes)) : parseNpy(path, std::move(bytes));
}

} // namespace of::rt::data
