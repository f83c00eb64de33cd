// Reading protobuf's wire format, with every length checked before it is believed.
//
//   bytes ─▶ WireReader ─▶ Field {number, kind, value or bytes}, one after the other
//
// Knows nothing of messages: a field that holds a message is read by another reader over its bytes.
// Borrows the bytes. An error is kept and ends reading; it names the place in the file.
#pragma once

#include "llvm/ADT/StringRef.h"

#include <string>

namespace of::onnx {

struct Field {
  enum class Kind { Varint, Fixed64, Bytes, Fixed32 } kind = Kind::Varint;
  uint32_t number = 0;
  uint64_t value = 0;    ///< of the first, second and fourth kind
  llvm::StringRef bytes; ///< of the third
};

class WireReader {
public:
  /// `start`: first byte of the file, for places in messages.
  WireReader(llvm::StringRef bytes, const char *start) : bytes(bytes), start(start) {}

  /// The next field; false at the end and after an error.
  bool next(Field &field);
  /// Empty if all is well so far.
  const std::string &error() const { return problem; }

  /// The next varint of a packed list; false at the end and after an error.
  bool nextVarint(uint64_t &value);

private:
  bool fail(const char *what);

  llvm::StringRef bytes; ///< what is left
  const char *start;
  std::string problem;
};

} // namespace of::onnx
