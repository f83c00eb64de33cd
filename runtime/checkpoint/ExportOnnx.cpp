// A trained model in ONNX again: fields are copied, initialisers get the checkpoint's values.
#include "runtime/checkpoint/Disk.h"
#include "runtime/checkpoint/Export.h"
#include "runtime/checkpoint/OnnxFile.h"
#include "runtime/checkpoint/Safetensors.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>

namespace of::rt {

namespace {

using onnx::Field;
using onnx::Initializer;

constexpr uint64_t kFloat = 1, kDouble = 11; // TensorProto.DataType
constexpr size_t kMostBytes = (size_t(1) << 31) - 1;

struct TypeName {
  uint64_t type;
  DType dtype;
};
constexpr TypeName kTypes[] = {{kFloat, DType::F32}, {2, DType::U8},        {3, DType::I8},
                               {6, DType::I32},      {7, DType::I64},       {9, DType::Bool},
                               {10, DType::F16},     {kDouble, DType::F64}, {16, DType::BF16}};

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
    OF_ASSIGN(const std::vector<Field> fields, onnx::fieldsOf(bytes));
    std::string out;
    for (const Field &field : fields) {
      if (field.number != 7) {
        out += field.bytes;
        continue;
      }
      OF_ASSIGN(const std::string changed, graph(field.payload));
      onnx::appendBytes(out, 7, changed);
    }
    if (replaced_ == 0)
      return Status(Code::InvalidArgument,
                    checkpoint_.path() + " has no tensor that is an initialiser of this model");
    if (out.size() > kMostBytes)
      return Status(Code::Refused, "the model would have " + std::to_string(out.size()) +
                                       " bytes, more than a protobuf can; export the parameters "
                                       "as safetensors instead");
    return out;
  }

private:
  Result<std::string> graph(std::string_view bytes) {
    OF_ASSIGN(const std::vector<Field> fields, onnx::fieldsOf(bytes));
    std::map<std::string, Initializer> initializers;
    for (const Field &field : fields)
      if (field.number == 5) {
        OF_ASSIGN(Initializer found, onnx::initializerOf(field.payload));
        initializers[found.name] = std::move(found);
      }
    std::string out;
    for (const Field &field : fields) {
      if (field.number == 1) {
        OF_TRY(node(field, initializers, out));
      } else if (field.number == 5) {
        OF_TRY(initializer(field, out));
      } else {
        out += field.bytes;
      }
    }
    return out;
  }

  /// A copy of an initialiser under another name has values of its own after training.
  Status node(const Field &field, const std::map<std::string, Initializer> &initializers,
              std::string &out) {
    OF_ASSIGN(const std::vector<Field> fields, onnx::fieldsOf(field.payload));
    std::string input, output, op;
    for (const Field &f : fields)
      (f.number == 1   ? input
       : f.number == 2 ? output
       : f.number == 4 ? op
                       : ignored_) = std::string(f.payload);
    const auto source = initializers.find(input);
    if (op != "Identity" || source == initializers.end() || !known_.count(output)) {
      out += field.bytes;
      return Status::ok();
    }
    Initializer own = source->second;
    own.name = output;
    return append(own, out);
  }

  Status initializer(const Field &field, std::string &out) {
    OF_ASSIGN(const Initializer found, onnx::initializerOf(field.payload));
    if (known_.count(found.name))
      return append(found, out);
    if (found.isExternal && !staysInFolder_)
      return Status(Code::InvalidArgument, "the values of initialiser '" + found.name +
                                               "' lie in a file beside the model; write the new "
                                               "model into the same folder, " +
                                               folder_);
    out += field.bytes;
    return Status::ok();
  }

  Status append(const Initializer &to, std::string &out) {
    OF_ASSIGN(const std::string bytes, valuesFor(to));
    std::string tensor;
    for (const int64_t dim : to.dims) {
      onnx::appendVarint(tensor, 1 << 3);
      onnx::appendVarint(tensor, static_cast<uint64_t>(dim));
    }
    onnx::appendVarint(tensor, 2 << 3);
    onnx::appendVarint(tensor, to.type);
    onnx::appendBytes(tensor, 8, to.name);
    onnx::appendBytes(tensor, 9, bytes); // raw_data
    onnx::appendBytes(out, 5, tensor);
    ++replaced_;
    return Status::ok();
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
  std::string ignored_;
};

} // namespace

Status writeOnnx(const Checkpoint &checkpoint, const std::string &model, const std::string &path) {
  OF_ASSIGN(const std::string bytes, checkpoint::readText(model));
  const auto folderOf = [](const std::string &file) {
    std::error_code error;
    return std::filesystem::weakly_canonical(std::filesystem::absolute(file).parent_path(), error)
        .string();
  };
  Rewriter rewriter(checkpoint, folderOf(model));
  auto changed = rewriter.model(bytes, folderOf(model) == folderOf(path));
  if (!changed.isOk())
    return changed.status().withContext(model);
  const std::string aside = path + ".part";
  OF_TRY(Disk::ofThisMachine()->writeText(aside, *changed, /*synced=*/true));
  std::error_code error;
  std::filesystem::rename(aside, path, error);
  return error ? Status(Code::Io, "cannot write " + path + ": " + error.message()) : Status::ok();
}

} // namespace of::rt
