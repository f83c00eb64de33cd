// A trained model in ONNX again: fields are copied as they are, initialisers get the checkpoint's
// values. Field numbers are those of onnx.proto: ModelProto.graph 7; GraphProto.node 1,
// initializer 5; NodeProto.input 1, output 2, op_type 4; TensorProto.dims 1, data_type 2, name 8,
// raw_data 9, data_location 14.
#include "runtime/base/Protobuf.h"
#include "runtime/checkpoint/Disk.h"
#include "runtime/checkpoint/Export.h"
#include "runtime/checkpoint/Safetensors.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>

namespace of::rt {

namespace {

using protobuf::Field;

constexpr uint64_t kFloat = 1, kDouble = 11; // TensorProto.DataType
constexpr size_t kMostBytes = (size_t(1) << 31) - 1;

struct TypeName {
  uint64_t type;
  DType dtype;
};
constexpr TypeName kTypes[] = {{kFloat, DType::F32}, {2, DType::U8},        {3, DType::I8},
                               {6, DType::I32},      {7, DType::I64},       {9, DType::Bool},
                               {10, DType::F16},     {kDouble, DType::F64}, {16, DType::BF16}};

/// Calls `visit` for each field of a message.
template <typename Visit> Status eachField(std::string_view message, Visit visit) {
  protobuf::Reader reader(message, message.data());
  Field field;
  while (reader.next(field))
    OF_TRY(visit(field));
  return reader.error().empty()
             ? Status::ok()
             : Status(Code::Corrupt, "is no ONNX model: its protobuf is cut or broken");
}

/// An initialiser, as far as it says what it is.
struct Initializer {
  std::string name;
  Shape dims;
  uint64_t type = 0; ///< TensorProto.DataType
  bool isExternal = false;
};

Result<Initializer> initializerOf(std::string_view message) {
  Initializer out;
  OF_TRY(eachField(message, [&](const Field &field) {
    if (field.number == 1 && field.kind == Field::Kind::Varint)
      out.dims.push_back(static_cast<int64_t>(field.value));
    if (field.number == 1) {
      protobuf::Reader packed(field.bytes, field.bytes.data());
      for (uint64_t dim; packed.nextVarint(dim);)
        out.dims.push_back(static_cast<int64_t>(dim));
    }
    if (field.number == 2)
      out.type = field.value;
    if (field.number == 8)
      out.name = std::string(field.bytes);
    if (field.number == 14)
      out.isExternal = field.value == 1;
    return Status::ok();
  }));
  return out;
}

/// "[64, 1, 3, 3]"
std::string textOf(const Shape &shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}

template <typename From, typename To> std::string convert(const std::string &bytes) {
  std::string out(bytes.size() / sizeof(From) * sizeof(To), '\0');
  for (size_t i = 0; i < bytes.size() / sizeof(From); ++i) {
    From from;
    std::memcpy(&from, bytes.data() + i * sizeof from, sizeof from);
    const To to = static_cast<To>(from);
    std::memcpy(out.data() + i * sizeof to, &to, sizeof to);
  }
  return out;
}

class Rewriter {
public:
  Rewriter(const Checkpoint &checkpoint, std::string folder)
      : checkpoint_(checkpoint), folder_(std::move(folder)) {
    for (const TensorInfo &tensor : checkpoint.tensors())
      known_[tensor.name] = &tensor;
  }

  Result<std::string> model(std::string_view bytes, bool staysInFolder) {
    staysInFolder_ = staysInFolder;
    std::string out;
    OF_TRY(eachField(bytes, [&](const Field &field) -> Status {
      if (field.number != 7) {
        out += field.whole;
        return Status::ok();
      }
      OF_ASSIGN(const std::string changed, graph(field.bytes));
      protobuf::appendBytes(out, 7, changed);
      return Status::ok();
    }));
    if (replaced_ == 0)
      return Status(Code::InvalidArgument,
                    checkpoint_.path() + " has no tensor that is an initialiser of this model");
    OF_TRY(checkSize(out));
    return out;
  }

private:
  static Status checkSize(const std::string &out) {
    return out.size() <= kMostBytes
               ? Status::ok()
               : Status(Code::Refused, "the model would have " + std::to_string(out.size()) +
                                           " bytes, more than a protobuf can; export the "
                                           "parameters as safetensors instead");
  }

  Result<std::string> graph(std::string_view bytes) {
    std::map<std::string, Initializer> initializers;
    OF_TRY(eachField(bytes, [&](const Field &field) -> Status {
      if (field.number != 5)
        return Status::ok();
      OF_ASSIGN(Initializer found, initializerOf(field.bytes));
      initializers[found.name] = std::move(found);
      return Status::ok();
    }));
    std::string out;
    OF_TRY(eachField(bytes, [&](const Field &field) {
      if (field.number == 1)
        return node(field, initializers, out);
      if (field.number == 5)
        return initializer(field, out);
      out += field.whole;
      return Status::ok();
    }));
    return out;
  }

  /// A copy of an initialiser under another name has values of its own after training.
  Status node(const Field &field, const std::map<std::string, Initializer> &initializers,
              std::string &out) {
    std::string input, output, op;
    OF_TRY(eachField(field.bytes, [&](const Field &f) {
      for (auto [number, text] : {std::pair(1, &input), {2, &output}, {4, &op}})
        if (f.number == static_cast<uint32_t>(number))
          *text = std::string(f.bytes);
      return Status::ok();
    }));
    const auto source = initializers.find(input);
    if (op != "Identity" || source == initializers.end() || !known_.count(output)) {
      out += field.whole;
      return Status::ok();
    }
    Initializer own = source->second;
    own.name = output;
    return append(own, out);
  }

  Status initializer(const Field &field, std::string &out) {
    OF_ASSIGN(const Initializer found, initializerOf(field.bytes));
    if (known_.count(found.name))
      return append(found, out);
    if (found.isExternal && !staysInFolder_)
      return Status(Code::InvalidArgument, "the values of initialiser '" + found.name +
                                               "' lie in a file beside the model; write the new "
                                               "model into the same folder, " +
                                               folder_);
    out += field.whole;
    return Status::ok();
  }

  Status append(const Initializer &to, std::string &out) {
    OF_ASSIGN(const std::string bytes, valuesFor(to));
    std::string tensor;
    for (const int64_t dim : to.dims)
      protobuf::appendNumber(tensor, 1, static_cast<uint64_t>(dim));
    protobuf::appendNumber(tensor, 2, to.type);
    protobuf::appendBytes(tensor, 8, to.name);
    protobuf::appendBytes(tensor, 9, bytes);
    protobuf::appendBytes(out, 5, tensor);
    ++replaced_;
    return checkSize(out); // a model may name one tensor a thousand times
  }

  Result<std::string> valuesFor(const Initializer &to) {
    const TensorInfo &from = *known_.at(to.name);
    const auto *type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                    [&](const TypeName &t) { return t.type == to.type; });
    const bool isFloat = from.dtype == DType::F32 || from.dtype == DType::F64;
    const bool fits = type != std::end(kTypes) &&
                      (type->dtype == from.dtype ||
                       (isFloat && (type->dtype == DType::F32 || type->dtype == DType::F64)));
    if (from.shape != to.dims || !fits)
      return Status(Code::InvalidArgument,
                    "'" + to.name + "' is " + std::string(nameOf(from.dtype)) + " " +
                        textOf(from.shape) + " in the checkpoint, " +
                        (type == std::end(kTypes) ? "of type " + std::to_string(to.type)
                                                  : std::string(nameOf(type->dtype))) +
                        " " + textOf(to.dims) + " in the model; is it the model that was trained?");
    std::string bytes(checkpoint::bytesOf(from), '\0');
    OF_TRY(checkpoint_.read(from.name, wholeBox(from.shape), bytes.data()));
    if (type->dtype == from.dtype)
      return bytes;
    return from.dtype == DType::F64 ? convert<double, float>(bytes) : convert<float, double>(bytes);
  }

  const Checkpoint &checkpoint_;
  const std::string folder_;
  bool staysInFolder_ = true;
  std::map<std::string, const TensorInfo *> known_;
  size_t replaced_ = 0;
};

} // namespace

Result<std::string> withValuesOf(const Checkpoint &checkpoint, std::string_view model,
                                 const std::string &folder, bool staysInFolder) {
  return Rewriter(checkpoint, folder).model(model, staysInFolder);
}

Status writeOnnx(const Checkpoint &checkpoint, const std::string &model, const std::string &path) {
  OF_ASSIGN(const std::string bytes, checkpoint::readText(model));
  const auto folderOf = [](const std::string &file) {
    std::error_code error;
    return std::filesystem::weakly_canonical(std::filesystem::absolute(file).parent_path(), error)
        .string();
  };
  const std::string folder = folderOf(model);
  auto changed = withValuesOf(checkpoint, bytes, folder, folder == folderOf(path));
  if (!changed.isOk())
    return changed.status().withContext(model);
  return writeAside(path, [&](const std::string &aside) {
    return Disk::ofThisMachine()->writeText(aside, *changed, /*synced=*/true);
  });
}

} // namespace of::rt
