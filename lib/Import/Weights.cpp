#include "lib/Import/Weights.h"

#include "dialects/Of/Kernel.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/ToolOutputFile.h"

#include <fcntl.h>

using namespace mlir;

namespace of {

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

bool Weights::copy(const Tensor &tensor, llvm::raw_ostream &out, function_ref<void()> written,
                   std::string &error) const {
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
    written();
  }
  return true;
}

namespace {

/// Pages of a file that is written from its start: what lies beyond its first GiB goes to the disk
/// at once and is forgotten. Of a larger file the system would let no more wait, and memory that
/// was never used before costs more than the disk (benchmarks/compile-time).
class PassingPages {
public:
  explicit PassingPages(int file) : file(file) {}

  void writtenTo(uint64_t end) {
    for (; begin + 2 * kWindow <= end; begin += kWindow) {
      ::sync_file_range(file, begin + kWindow, kWindow, SYNC_FILE_RANGE_WRITE);
      ::sync_file_range(file, begin, kWindow,
                        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                            SYNC_FILE_RANGE_WAIT_AFTER);
      ::posix_fadvise(file, begin, kWindow, POSIX_FADV_DONTNEED);
    }
  }

private:
  static constexpr uint64_t kWindow = 32 << 20;
  int file;
  uint64_t begin = 1 << 30;
};

} // namespace

LogicalResult Weights::write(Location loc, StringRef path) const {
  std::string aside = (path + ".part").str(), error;
  int file = -1;
  if (std::error_code code =
          llvm::sys::fs::openFileForWrite(aside, file, llvm::sys::fs::CD_CreateAlways))
    return emitError(loc) << "cannot write " << path << ": " << code.message();
  llvm::ToolOutputFile out(aside, file);
  PassingPages pages(file);
  std::string text = header();
  char size[8];
  llvm::support::endian::write64le(size, text.size());
  out.os().write(size, 8) << text;
  for (const Tensor &tensor : tensors)
    if (!copy(
            tensor, out.os(), [&] { pages.writtenTo(out.os().tell()); }, error))
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
