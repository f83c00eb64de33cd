#include "dialects/Of/Of.h"
#include "lib/Import/Model.h"
#include "lib/Import/Onnx/Onnx.h"
#include "test/fuzz/Context.h"
#include "test/fuzz/ModelFolder.h"
#include "test/fuzz/Targets.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace of::fuzz {

namespace {

void loadDialects(MLIRContext &context) {
  context.loadDialect<OfDialect, func::FuncDialect, arith::ArithDialect, math::MathDialect>();
}

} // namespace

std::string onnxImport(std::string_view input) {
  static Context context(loadDialects);
  static const ModelFolder folder;
  const std::string path = folder.write("model.onnx", input);
  Weights weights;
  const auto module = onnx::readModel(context.next(), {path, 2}, weights);
  return module ? "" : context.said.empty() ? "an error without a word" : context.said;
}

std::string text(std::string_view input) {
  static Context context(loadDialects);
  static const ModelFolder folder;
  const std::string path = folder.write("model.mlir", input);
  const auto module = of::readModel(context.next(), path);
  return module ? "" : context.said.empty() ? "an error without a word" : context.said;
}

} // namespace of::fuzz
