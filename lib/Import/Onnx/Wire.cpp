#include "lib/Import/Onnx/Wire.h"

#include "llvm/Support/Endian.h"

using llvm::StringRef;

namespace of::onnx {

bool WireReader::fail(const char *what) {
  problem = "byte " + std::to_string(bytes.data() - start) + ": " + what;
  bytes = {};
  return false;
}

bool WireReader::nextVarint(uint64_t &value) {
  if (bytes.empty())
    return false;
  value = 0;
  for (unsigned i = 0; i < 10 && i < bytes.size(); ++i) {
    const uint8_t byte = bytes[i];
    value |= static_cast<uint64_t>(byte & 127) << (7 * i);
    if (byte < 128) {
      bytes = bytes.drop_front(i + 1);
      return true;
    }
  }
  return fail(bytes.size() < 10 ? "the file ends inside a number" : "a number is too long");
}

bool WireReader::next(Field &field) {
  uint64_t key = 0, size = 0;
  if (!nextVarint(key))
    return false;
  if (key >> 3 == 0 || key >> 3 > 0x1fffffff)
    return fail("a field has no valid number");
  field = {};
  field.number = key >> 3;
  switch (key & 7) {
  case 0:
    return nextVarint(field.value) || (problem.empty() && fail("the file ends inside a field"));
  case 1:
  case 5: {
    const size_t width = (key & 7) == 1 ? 8 : 4;
    if (bytes.size() < width)
      return fail("the file ends inside a field");
    field.kind = width == 8 ? Field::Kind::Fixed64 : Field::Kind::Fixed32;
    field.value = width == 8 ? llvm::support::endian::read64le(bytes.data())
                             : llvm::support::endian::read32le(bytes.data());
    bytes = bytes.drop_front(width);
    return true;
  }
  case 2:
    if (!nextVarint(size))
      return problem.empty() && fail("the file ends inside a field");
    if (size > bytes.size())
      return fail("a field is longer than what holds it");
    field.kind = Field::Kind::Bytes;
    field.bytes = bytes.take_front(size);
    bytes = bytes.drop_front(size);
    return true;
  default:
    return fail("a field has a wire type that ONNX does not use");
  }
}

} // namespace of::onnx
