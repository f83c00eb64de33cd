#include "lib/Import/Model.h"
#include "lib/Import/Onnx/Onnx.h"
#include "lib/Import/Onnx/TensorData.h"
#include "test/fuzz/Context.h"
#include "test/fuzz/Targets.h"
#include "test/support/TempDir.h"

#include <fstream>

using namespace mlir;

namespace of::fuzz {

namespace {

/// A folder with a model and 64 bytes of external data.
struct Folder {
  Folder() { write("w.bin", std::string(64, '\0')); }
  std::string write(const std::string &name, std::string_view bytes) const {
    const std::string path = dir.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  const test::TempDir dir;
};

std::string readTensor(const onnx::TensorProto &tensor, onnx::ExternalFiles &files,
                       MLIRContext *context) {
  onnx::StoredTensor stored;
  std::string error;
  DenseElementsAttr elements;
  if (onnx::openTensor(tensor, files, context, stored, error) &&
      stored.type.getNumElements() < (1 << 20))
    stored.load(elements, error);
  return error;
}

} // namespace

std::string onnxMessages(std::string_view input) {
  static Context context;
  static const Folder folder;
  MLIRContext *mlir = context.next();
  onnx::ModelProto model;
  std::string error, said;
  if (!onnx::parseModel({input.data(), input.size()}, model, error))
    said = error;
  onnx::ExternalFiles files(folder.dir.path() + "/model.onnx");
  for (const onnx::TensorProto &tensor : model.graph.initializers)
    said += readTensor(tensor, files, mlir);
  if (!files.checkOverlaps(error))
    said += error;
  onnx::TensorProto tensor;
  if (said.empty() && onnx::parseTensor({input.data(), input.size()}, tensor, error))
    said += readTensor(tensor, files, mlir);
  return said;
}

std::string onnxImport(std::string_view input) {
  static Context context;
  static const Folder folder;
  const std::string path = folder.write("model.onnx", input);
  Weights weights;
  const auto module = onnx::readModel(context.next(), {path, 2}, weights);
  return module ? "" : context.said.empty() ? "an error without a word" : context.said;
}

std::string text(std::string_view input) {
  static Context context;
  static const Folder folder;
  const std::string path = folder.write("model.mlir", input);
  const auto module = of::readModel(context.next(), path);
  return module ? "" : context.said.empty() ? "an error without a word" : context.said;
}

} // namespace of::fuzz
