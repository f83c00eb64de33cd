// Source: protobuf's encoding (protobuf.dev/programming-guides/encoding) and onnx.proto.
#include "runtime/checkpoint/OnnxFile.h"

namespace of::rt::onnx {

namespace {

Status corrupt() {
  return Status(Code::Corrupt, "is no ONNX model: its protobuf is cut or broken");
}

/// False at the end of the bytes or after ten bytes.
bool readVarint(std::string_view bytes, size_t &at, uint64_t &value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && at < bytes.size(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes[at++]);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return true;
  }
  return false;
}

/// Length of what a tag of this wire type stands before; numbers are read.
bool readBody(std::string_view message, size_t &at, uint64_t wireType, Field &field) {
  uint64_t length = 0;
  switch (wireType) {
  case 0:
    return readVarint(message, at, field.value);
  case 1:
    length = 8;
    break;
  case 2:
    if (!readVarint(message, at, length))
      return false;
    break;
  case 5:
    length = 4;
    break;
  default:
    return false;
  }
  if (length > message.size() - at)
    return false;
  field.payload = message.substr(at, length);
  at += length;
  return true;
}

} // namespace

Result<std::vector<Field>> fieldsOf(std::string_view message) {
  std::vector<Field> out;
  for (size_t at = 0; at < message.size();) {
    const size_t begin = at;
    uint64_t tag = 0;
    Field field;
    if (!readVarint(message, at, tag) || tag >> 3 == 0 || tag >> 32 != 0)
      return corrupt();
    field.number = static_cast<uint32_t>(tag >> 3);
    if (!readBody(message, at, tag & 7, field))
      return corrupt();
    field.bytes = message.substr(begin, at - begin);
    out.push_back(field);
  }
  return out;
}

Result<Initializer> initializerOf(std::string_view message) {
  OF_ASSIGN(const std::vector<Field> fields, fieldsOf(message));
  Initializer out;
  for (const Field &field : fields) {
    uint64_t dim = 0;
    if (field.number == 1 && field.payload.empty())
      out.dims.push_back(static_cast<int64_t>(field.value));
    else if (field.number == 1)
      for (size_t at = 0; at < field.payload.size(); out.dims.push_back(static_cast<int64_t>(dim)))
        if (!readVarint(field.payload, at, dim))
          return corrupt();
    if (field.number == 2)
      out.type = field.value;
    if (field.number == 8)
      out.name = std::string(field.payload);
    if (field.number == 14)
      out.isExternal = field.value == 1;
  }
  return out;
}

void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void appendBytes(std::string &out, uint32_t number, std::string_view payload) {
  appendVarint(out, number << 3 | 2);
  appendVarint(out, payload.size());
  out += payload;
}

} // namespace of::rt::onnx
