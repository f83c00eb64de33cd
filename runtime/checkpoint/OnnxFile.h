// As much of ONNX's protobuf as it takes to put other values into a model.
//
// A message is a sequence of fields; here they keep their bytes, so whatever is not asked for goes
// on as it was. Field numbers are those of onnx.proto: ModelProto.graph 7; GraphProto.node 1,
// initializer 5; NodeProto.input 1, output 2, op_type 4; TensorProto.dims 1, data_type 2, name 8.
//
// Internal to runtime/checkpoint. Views borrow the file's bytes.
#pragma once

#include "runtime/checkpoint/Checkpoint.h"

#include <string_view>

namespace of::rt::onnx {

/// One field of a message.
struct Field {
  uint32_t number = 0;
  uint64_t value = 0;       ///< of a number
  std::string_view payload; ///< of bytes, a text or a message
  std::string_view bytes;   ///< all of it, with its tag
};

/// Corrupt if the bytes are no message.
Result<std::vector<Field>> fieldsOf(std::string_view message);

/// An initialiser, as far as it says what it is.
struct Initializer {
  std::string name;
  Shape dims;
  uint64_t type = 0; ///< TensorProto.DataType
  bool isExternal = false;
};
Result<Initializer> initializerOf(std::string_view message);

void appendVarint(std::string &out, uint64_t value);
/// A field that holds bytes.
void appendBytes(std::string &out, uint32_t number, std::string_view payload);

} // namespace of::rt::onnx
