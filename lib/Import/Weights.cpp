#include "lib/Import/Weights.h"

#include "dialects/Of/Kernel.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

namespace of {

uint64_t elementBytes(Type element) { return sizeOf(dtypeOf(element)); }

void Weights::add(StringRef name, RankedTensorType type, Read read) {
  tensors.push_back({name.str(), type, std::move(read)});
}

void Weights::keepOnly(function_ref<bool(StringRef)> isUsed) {
  llvm::erase_if(tensors, [&](const Tensor &tensor) { return !isUsed(tensor.name); });
}

std::optional<std::vector<char>> Weights::bytesOf(StringRef name) const {
  for (const Tensor &tensor : tensors) {
    if (tensor.name != name)
      continue;
    std::vector<char> out(tensor.type.getNumElements() *
                          elementBytes(tensor.type.getElementType()));
    std::string error;
    if (out.empty() || tensor.read(0, out, error))
      return out;
  }
  return std::nullopt;
}

bool Weights::isWidened(const Tensor &tensor) const {
  return isWide && tensor.type.getElementType().isF32();
}

uint64_t Weights::storedBytes(const Tensor &tensor) const {
  return tensor.type.getNumElements() * elementBytes(tensor.type.getElementType()) *
         (isWidened(tensor) ? 2 : 1);
}

// Names as in the safetensors format: F32, I64, BOOL.
std::string Weights::header() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  uint64_t offset = 0;
  json.object([&] {
    for (const Tensor &tensor : tensors) {
      DType dtype = isWidened(tensor) ? DType::F64 : dtypeOf(tensor.type.getElementType());
      uint64_t end = offset + storedBytes(tensor);
      json.attributeObject(tensor.name, [&] {
        json.attribute("dtype", StringRef(nameOf(dtype).data(), nameOf(dtype).size()).upper());
        json.attributeArray("shape", [&] {
          for (int64_t dim : tensor.type.getShape())
            json.value(dim);
        });
        json.attributeArray("data_offsets", [&] {
          json.value(static_cast<int64_t>(offset));
          json.value(static_cast<int64_t>(end));
        });
      });
      offset = end;
    }
  });
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

static void widenInto(ArrayRef<char> block, std::vector<char> &wide) {
  wide.resize(block.size() * 2);
  for (size_t i = 0; i < block.size() / 4; ++i) {
    float value = llvm::bit_cast<float>(llvm::support::endian::read32le(block.data() + 4 * i));
    uint64_t bits = llvm::bit_cast<uint64_t>(static_cast<double>(value));
    llvm::support::endian::write64le(wide.data() + 8 * i, bits);
  }
}

bool Weights::copy(const Tensor &tensor, llvm::raw_ostream &out, std::string &error) const {
  const uint64_t total = tensor.type.getNumElements() * elementBytes(tensor.type.getElementType());
  std::vector<char> block, wide;
  for (uint64_t offset = 0; offset < total; offset += block.size()) {
    block.resize(std::min<uint64_t>(total - offset, 1 << 20));
    if (!tensor.read(offset, block, error))
      return false;
    if (isWidened(tensor))
      widenInto(block, wide);
    const std::vector<char> &bytes = isWidened(tensor) ? wide : block;
    out.write(bytes.data(), bytes.size());
  }
  return true;
}

LogicalResult Weights::write(Location loc, StringRef path) const {
  std::error_code code;
  std::string aside = (path + ".part").str(), error;
  llvm::ToolOutputFile out(aside, code, llvm::sys::fs::OF_None);
  if (code)
    return emitError(loc) << "cannot write " << path << ": " << code.message();
  std::string text = header();
  char size[8];
  llvm::support::endian::write64le(size, text.size());
  out.os().write(size, 8) << text;
  for (const Tensor &tensor : tensors)
    if (!copy(tensor, out.os(), error))
      return emitError(loc) << "first values of '" << tensor.name << "': " << error;
  out.os().close();
  if (out.os().has_error() || llvm::sys::fs::rename(aside, path)) {
    out.os().clear_error();
    return emitError(loc) << "cannot write " << path;
  }
  out.keep();
  return success();
}

} // namespace of
