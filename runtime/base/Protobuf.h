// Protobuf's wire format: read with every length checked before it is believed, and written.
//
//   bytes ─▶ Reader ─▶ Field {number, kind, value or bytes}, one after the other
//
// Knows nothing of messages: a field that holds a message is read by another reader over its bytes.
// A reader borrows the bytes. An error is kept and ends reading; it names the place in the file.
// https://protobuf.dev/programming-guides/encoding
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace of::protobuf {

struct Field {
  enum class Kind { Varint, Fixed64, Bytes, Fixed32 } kind = Kind::Varint;
  uint32_t number = 0;
  uint64_t value = 0;     ///< of the first, second and fourth kind
  std::string_view bytes; ///< of the third
  std::string_view whole; ///< as it stands in the message
};

class Reader {
public:
  /// `start`: first byte of the file, for places in messages.
  Reader(std::string_view bytes, const char *start) : bytes_(bytes), start_(start) {}

  /// The next field; false at the end and after an error.
  bool next(Field &field);
  /// Empty if all is well so far.
  const std::string &error() const { return problem_; }

  /// The next varint of a packed list; false at the end and after an error.
  bool nextVarint(uint64_t &value);

private:
  bool fail(const char *what);
  bool readBody(unsigned wireType, Field &field);

  std::string_view bytes_; ///< what is left
  const char *start_;
  std::string problem_;
};

// Each appends to a message.
void appendVarint(std::string &out, uint64_t value);
void appendNumber(std::string &out, uint32_t field, uint64_t value);
void appendFixed(std::string &out, uint32_t field, double value);
void appendFixed(std::string &out, uint32_t field, float value);
/// Bytes, a text or a message.
void appendBytes(std::string &out, uint32_t field, std::string_view bytes);

} // namespace of::protobuf
