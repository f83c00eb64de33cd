#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/checkpoint/Export.h"
#include "test/fuzz/InputFile.h"
#include "test/fuzz/Targets.h"
#include "test/support/TempDir.h"

#include <fstream>

namespace of::fuzz {

namespace {

void writeFile(const std::string &path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// One file with "w", 2 x 3 in f32, and "b", 3 in f32.
std::string goodFile() {
  std::string header = R"({"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                       R"("b":{"dtype":"F32","shape":[3],"data_offsets":[24,36]}})";
  header.resize((header.size() + 63) / 64 * 64 - 8, ' ');
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char *>(&length), sizeof length) + header +
         std::string(36, '\1');
}

/// Every tensor from its first to its last byte, and what the manifest says of them.
Status readAll(const rt::Checkpoint &checkpoint) {
  for (const rt::TensorInfo &tensor : checkpoint.tensors()) {
    Box box;
    for (const int64_t dim : tensor.shape)
      box.dims.push_back({0, dim});
    std::vector<char> bytes(static_cast<size_t>(box.elements()) * sizeOf(tensor.dtype));
    OF_TRY(checkpoint.read(tensor.name, box, bytes.data()));
  }
  return checkpoint.verify(0, 1);
}

std::string readAllOf(const std::string &path) {
  const auto checkpoint = rt::Checkpoint::open(path);
  return messageOf(checkpoint ? readAll(**checkpoint) : checkpoint.status());
}

} // namespace

std::string safetensors(std::string_view input) {
  static InputFile file;
  file.assign(input);
  return readAllOf(file.path());
}

std::string manifest(std::string_view input) {
  static const test::TempDir folder;
  static const bool made = (writeFile(folder.path() + "/a.safetensors", goodFile()), true);
  (void)made;
  writeFile(folder.path() + "/manifest.json", input);
  return readAllOf(folder.path());
}

std::string onnxExport(std::string_view input) {
  static InputFile weights;
  static const auto checkpoint = [] {
    weights.assign(goodFile());
    return std::move(*rt::Checkpoint::open(weights.path()));
  }();
  return messageOf(rt::withValuesOf(*checkpoint, input, "folder", true).status());
}

} // namespace of::fuzz
