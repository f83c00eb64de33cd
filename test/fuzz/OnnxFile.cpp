#include "lib/Import/Onnx/TensorData.h"
#include "test/fuzz/Context.h"
#include "test/fuzz/ModelFolder.h"
#include "test/fuzz/Targets.h"

using namespace mlir;

namespace of::fuzz {

namespace {

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
  static const ModelFolder folder;
  MLIRContext *mlir = context.next();
  onnx::ModelProto model;
  std::string error, said;
  if (!onnx::parseModel({input.data(), input.size()}, model, error))
    said = error;
  onnx::ExternalFiles files(folder.pathOf("model.onnx"));
  for (const onnx::TensorProto &tensor : model.graph.initializers)
    said += readTensor(tensor, files, mlir);
  if (!files.checkOverlaps(error))
    said += error;
  onnx::TensorProto tensor;
  if (said.empty() && onnx::parseTensor({input.data(), input.size()}, tensor, error))
    said += readTensor(tensor, files, mlir);
  return said;
}

} // namespace of::fuzz
