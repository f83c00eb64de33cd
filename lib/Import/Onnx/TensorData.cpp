#include "lib/Import/Onnx/TensorData.h"

#include "runtime/base/Protobuf.h"

#include "llvm/Support/Endian.h"

#include <cstring>

using namespace mlir;

namespace of::onnx {

Type elementTypeOf(int64_t code, MLIRContext *context) {
  Builder b(context);
  switch (static_cast<ElementType>(code)) {
  case ElementType::Float:
    return b.getF32Type();
  case ElementType::Double:
    return b.getF64Type();
  case ElementType::Float16:
    return b.getF16Type();
  case ElementType::Bfloat16:
    return b.getBF16Type();
  case ElementType::Uint8:
    return b.getIntegerType(8, false);
  case ElementType::Int8:
    return b.getIntegerType(8);
  case ElementType::Int32:
    return b.getI32Type();
  case ElementType::Int64:
    return b.getI64Type();
  case ElementType::Bool:
    return b.getI1Type();
  default:
    return {};
  }
}

std::string nameOfElementType(int64_t code) {
  static constexpr const char *names[] = {"undefined",  "float",   "uint8",  "int8",   "uint16",
                                          "int16",      "int32",   "int64",  "string", "bool",
                                          "float16",    "double",  "uint32", "uint64", "complex64",
                                          "complex128", "bfloat16"};
  if (code >= 0 && code < static_cast<int64_t>(std::size(names)))
    return names[code];
  return "number " + std::to_string(code);
}

std::string problemOfShape(ArrayRef<int64_t> dims) {
  if (dims.size() > 16)
    return "it has " + std::to_string(dims.size()) + " dims; at most 16 make sense";
  int64_t elements = 1;
  for (int64_t dim : dims) {
    if (dim < 0)
      return "it has a dim of " + std::to_string(dim);
    if (dim && elements > (int64_t(1) << 40) / dim)
      return "it has more than 2^40 elements";
    elements *= std::max<int64_t>(dim, 1);
  }
  return "";
}

// ---- Elements kept as typed values
// ---------------------------------------------------------------

// Lists of numbers are for small tensors; what is larger is stored raw by every exporter.
static constexpr uint64_t kMostListed = 1 << 21;

static bool isFixedList(uint32_t field) { return field == 4 || field == 10; }

// Values of packed and loose varints, as many as there are.
static bool listedVarints(const TensorProto &tensor, std::vector<uint64_t> &out) {
  out = tensor.loose;
  for (StringRef chunk : tensor.typed) {
    protobuf::Reader packed(chunk, chunk.data());
    for (uint64_t value; packed.nextVarint(value);) {
      if (out.size() == kMostListed)
        return false;
      out.push_back(value);
    }
    if (!packed.error().empty())
      return false;
  }
  return true;
}

static bool listedBytes(const TensorProto &tensor, uint64_t width, std::string &out) {
  if (isFixedList(tensor.typedField)) {
    if (width != (tensor.typedField == 4 ? 4 : 8))
      return false;
    for (StringRef chunk : tensor.typed)
      out.append(chunk.data(), chunk.size());
    for (uint64_t value : tensor.loose)
      out.append(reinterpret_cast<const char *>(&value), width);
    return true;
  }
  std::vector<uint64_t> values;
  if (!listedVarints(tensor, values))
    return false;
  for (uint64_t value : values)
    out.append(reinterpret_cast<const char *>(&value), width);
  return true;
}

// The list in which ONNX keeps elements of a type.
static uint32_t listFor(Type element) {
  if (element.isF32())
    return 4;
  if (element.isF64())
    return 10;
  return element.isSignlessInteger(64) ? 7 : 5;
}

// ---- Opening
// -------------------------------------------------------------------------------------

static bool parseNumber(StringRef text, uint64_t &out) { return !text.getAsInteger(10, out); }

static bool openExternal(const TensorProto &tensor, uint64_t size, ExternalFiles &files,
                         StoredTensor &out, std::string &error) {
  StringRef location;
  uint64_t offset = 0, length = size;
  for (auto [key, value] : tensor.external) {
    if (key == "location")
      location = value;
    else if ((key == "offset" && !parseNumber(value, offset)) ||
             (key == "length" && !parseNumber(value, length))) {
      error = "its external data has " + key.str() + " '" + value.str() + "', which is no size";
      return false;
    }
  }
  if (length != size) {
    error = "its external data has length " + std::to_string(length) + ", its type has " +
            std::to_string(size) + " bytes";
    return false;
  }
  ExternalFiles::Range range;
  if (!files.open(tensor.name, location, offset, size, range, error))
    return false;
  out.read = [range](uint64_t from, MutableArrayRef<char> into, std::string &why) {
    return range.file->read(range.offset + from, into, why);
  };
  return true;
}

static Weights::Read readerOf(StringRef bytes) {
  return [bytes](uint64_t from, MutableArrayRef<char> into, std::string &) {
    std::memcpy(into.data(), bytes.data() + from, into.size());
    return true;
  };
}

bool openTensor(const TensorProto &tensor, ExternalFiles &files, MLIRContext *context,
                StoredTensor &out, std::string &error) {
  Type element = elementTypeOf(tensor.elementType, context);
  if (!element) {
    error = "it has elements of type " + nameOfElementType(tensor.elementType) +
            ", which nothing here works on";
    return false;
  }
  if (error = problemOfShape(tensor.dims); !error.empty())
    return false;
  out.type = RankedTensorType::get(tensor.dims, element);
  const uint64_t width = elementBytes(element), size = out.type.getNumElements() * width;
  if (tensor.isExternal)
    return openExternal(tensor, size, files, out, error);
  StringRef bytes = tensor.raw;
  std::shared_ptr<std::string> listed;
  if (!tensor.hasRaw) {
    listed = std::make_shared<std::string>();
    if ((tensor.typedField && tensor.typedField != listFor(element)) ||
        !listedBytes(tensor, width, *listed)) {
      error = "its list of elements does not fit its type, or is too long for a list (raw_data is "
              "the place for large tensors)";
      return false;
    }
    bytes = *listed;
  }
  if (bytes.size() != size) {
    error = "it has " + std::to_string(bytes.size()) + " bytes of elements, its type needs " +
            std::to_string(size);
    return false;
  }
  out.read = [bytes, listed](uint64_t from, MutableArrayRef<char> into, std::string &) {
    std::memcpy(into.data(), bytes.data() + from, into.size());
    return true;
  };
  return true;
}

// ---- Attributes
// ----------------------------------------------------------------------------------

bool StoredTensor::load(DenseElementsAttr &elements, std::string &error) const {
  std::vector<char> bytes(type.getNumElements() * elementBytes(type.getElementType()));
  if (!bytes.empty() && !read(0, bytes, error))
    return false;
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> values;
    for (char byte : bytes)
      values.push_back(byte != 0);
    elements = DenseElementsAttr::get(type, values);
    return true;
  }
  if (bytes.empty()) {
    elements = DenseElementsAttr::get(type, ArrayRef<mlir::Attribute>());
    return true;
  }
  elements = DenseElementsAttr::getFromRawBuffer(type, bytes);
  return true;
}

Weights::Read readerOf(DenseElementsAttr elements) {
  auto bytes = std::make_shared<std::string>();
  auto type = cast<RankedTensorType>(elements.getType());
  if (type.getElementType().isInteger(1)) {
    for (bool value : elements.getValues<bool>())
      bytes->push_back(value);
  } else {
    ArrayRef<char> raw = elements.getRawData();
    for (int64_t copies = elements.isSplat() ? type.getNumElements() : 1; copies; --copies)
      bytes->append(raw.data(), raw.size());
  }
  return [bytes](uint64_t from, MutableArrayRef<char> into, std::string &why) {
    return readerOf(StringRef(*bytes))(from, into, why);
  };
}

} // namespace of::onnx
