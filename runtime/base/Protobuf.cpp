#include "runtime/base/Protobuf.h"

#include <cstring>

namespace of::protobuf {

namespace {

enum WireType : unsigned { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

void appendTag(std::string &out, uint32_t field, WireType type) {
  appendVarint(out, uint64_t(field) << 3 | type);
}

// This code runs on little-endian machines, as the format is.
template <typename T> void appendRaw(std::string &out, T value) {
  out.append(reinterpret_cast<const char *>(&value), sizeof value);
}

} // namespace

bool Reader::fail(const char *what) {
  problem_ = "byte " + std::to_string(bytes_.data() - start_) + ": " + what;
  bytes_ = {};
  return false;
}

bool Reader::nextVarint(uint64_t &value) {
  if (bytes_.empty())
    return false;
  value = 0;
  for (unsigned i = 0; i < 10 && i < bytes_.size(); ++i) {
    const auto byte = static_cast<uint8_t>(bytes_[i]);
    value |= static_cast<uint64_t>(byte & 127) << (7 * i);
    if (byte < 128) {
      bytes_.remove_prefix(i + 1);
      return true;
    }
  }
  return fail(bytes_.size() < 10 ? "the file ends inside a number" : "a number is too long");
}

bool Reader::next(Field &field) {
  const char *begin = bytes_.data();
  uint64_t key = 0;
  if (!nextVarint(key))
    return false;
  if (key >> 3 == 0 || key >> 3 > 0x1fffffff)
    return fail("a field has no valid number");
  field = {};
  field.number = static_cast<uint32_t>(key >> 3);
  if (!readBody(key & 7, field))
    return false;
  field.whole = {begin, static_cast<size_t>(bytes_.data() - begin)};
  return true;
}

bool Reader::readBody(unsigned wireType, Field &field) {
  uint64_t size = 0;
  switch (wireType) {
  case Varint:
    return nextVarint(field.value) || (problem_.empty() && fail("the file ends inside a field"));
  case Fixed64:
  case Fixed32:
    size = wireType == Fixed64 ? 8 : 4;
    if (bytes_.size() < size)
      return fail("the file ends inside a field");
    field.kind = wireType == Fixed64 ? Field::Kind::Fixed64 : Field::Kind::Fixed32;
    std::memcpy(&field.value, bytes_.data(), size);
    break;
  case Bytes:
    if (!nextVarint(size))
      return problem_.empty() && fail("the file ends inside a field");
    if (size > bytes_.size())
      return fail("a field is longer than what holds it");
    field.kind = Field::Kind::Bytes;
    field.bytes = bytes_.substr(0, size);
    break;
  default:
    return fail("a field has a wire type that ONNX does not use");
  }
  bytes_.remove_prefix(size);
  return true;
}

void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void appendNumber(std::string &out, uint32_t field, uint64_t value) {
  appendTag(out, field, Varint);
  appendVarint(out, value);
}

void appendFixed(std::string &out, uint32_t field, double value) {
  appendTag(out, field, Fixed64);
  appendRaw(out, value);
}

void appendFixed(std::string &out, uint32_t field, float value) {
  appendTag(out, field, Fixed32);
  appendRaw(out, value);
}

void appendBytes(std::string &out, uint32_t field, std::string_view bytes) {
  appendTag(out, field, Bytes);
  appendVarint(out, bytes.size());
  out += bytes;
}

} // namespace of::protobuf
