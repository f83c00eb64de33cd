// An ONNX file as it is written: the messages of onnx.proto that an import needs, by name.
//
// Texts and tensor data borrow the file's bytes. Nothing here is checked beyond the wire format and
// the kinds of fields. Fields that are not needed (documentation, metadata, training) are skipped.
#pragma once

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>
#include <vector>

namespace of::onnx {

using llvm::StringRef;

/// TensorProto.DataType.
enum class ElementType : int32_t {
  Float = 1,
  Uint8 = 2,
  Int8 = 3,
  Int32 = 6,
  Int64 = 7,
  String = 8,
  Bool = 9,
  Float16 = 10,
  Double = 11,
  Bfloat16 = 16,
};

struct TensorProto {
  StringRef name;
  std::vector<int64_t> dims;
  int64_t elementType = 0;
  StringRef raw; ///< little-endian elements
  bool hasRaw = false;
  std::vector<StringRef> typed; ///< packed chunks of float_data, double_data, ...
  std::vector<uint64_t> loose;  ///< the same values where they are not packed
  uint32_t typedField = 0;      ///< which of them it is
  bool isExternal = false;
  std::vector<std::pair<StringRef, StringRef>> external; ///< location, offset, length, ...
};

struct GraphProto;

struct AttributeProto {
  StringRef name, reference; ///< `reference`: the attribute of the function around it
  int64_t type = 0;
  float f = 0;
  int64_t i = 0;
  StringRef s;
  std::unique_ptr<TensorProto> tensor;
  std::unique_ptr<GraphProto> graph;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<StringRef> strings;
};

struct NodeProto {
  StringRef name, op, domain, doc, overload;
  std::vector<StringRef> inputs, outputs; ///< "" where an optional one is left out
  std::vector<AttributeProto> attributes;
  int64_t number = 0; ///< counts the nodes of its graph or function from 1

  const AttributeProto *find(StringRef attribute) const;
};

struct Dim {
  int64_t size = -1; ///< -1 if it has none
  StringRef symbol;
};

struct ValueInfo {
  StringRef name;
  bool isTensor = false, hasShape = false;
  int64_t elementType = 0;
  std::vector<Dim> dims;
};

struct GraphProto {
  StringRef name;
  std::vector<NodeProto> nodes;
  std::vector<TensorProto> initializers;
  std::vector<ValueInfo> inputs, outputs;
  bool hasSparse = false;
};

using OpsetImports = std::vector<std::pair<StringRef, int64_t>>;

struct FunctionProto {
  StringRef name, domain, overload;
  std::vector<StringRef> inputs, outputs;
  std::vector<AttributeProto> defaults;
  std::vector<NodeProto> nodes;
  OpsetImports opsets;
};

struct ModelProto {
  int64_t irVersion = 0;
  StringRef producer;
  OpsetImports opsets;
  GraphProto graph;
  bool hasGraph = false;
  std::vector<FunctionProto> functions;
};

/// The messages of a file. Memory stays below three times the file and a constant; a file of more
/// messages than that is refused. On failure `error` says what is wrong and at which byte.
bool parseModel(StringRef bytes, ModelProto &model, std::string &error);
/// A file that holds a single tensor (TensorProto), as the ONNX test data does.
bool parseTensor(StringRef bytes, TensorProto &tensor, std::string &error);

} // namespace of::onnx
