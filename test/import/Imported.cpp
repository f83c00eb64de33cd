#include "test/import/Imported.h"

#include "dialects/Of/Of.h"
#include "lib/Import/Onnx/Onnx.h"
#include "lib/Import/Onnx/OpTable.h"
#include "test/import/ImportedText.h"
#include "test/of/Values.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FileSystem.h"

#include <cstring>

using namespace mlir;

namespace of::test {

// ---- Elements
// ------------------------------------------------------------------------------------

static double valueAt(const char *bytes, Type type) {
  auto read = [&](auto value) {
    std::memcpy(&value, bytes, sizeof value);
    return static_cast<double>(value);
  };
  if (type.isF16() || type.isBF16()) {
    uint16_t bits;
    std::memcpy(&bits, bytes, sizeof bits);
    return valueOfHalf(type, bits);
  }
  if (type.isF32())
    return read(float());
  if (type.isF64())
    return read(double());
  if (type.isInteger(64))
    return read(int64_t());
  if (type.isInteger(32))
    return read(int32_t());
  return type.isUnsignedInteger() || type.isInteger(1) ? read(uint8_t()) : read(int8_t());
}

Array arrayOf(RankedTensorType type, ArrayRef<char> bytes) {
  Array out{Shape(type.getShape().begin(), type.getShape().end()), {}};
  const uint64_t width = elementBytes(type.getElementType());
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    out.values.push_back(valueAt(bytes.data() + i * width, type.getElementType()));
  return out;
}

// ---- Models
// --------------------------------------------------------------------------------------

std::string textOf(ModuleOp module, const Weights &weights, std::vector<Array> &arguments) {
  func::FuncOp function = *module.getOps<func::FuncOp>().begin();
  Block &body = function.getBody().front();
  for (auto op : llvm::make_early_inc_range(body.getOps<ParameterOp>())) {
    auto type = cast<RankedTensorType>(op.getType());
    arguments.push_back(arrayOf(type, *weights.bytesOf(op.getName())));
    op.getResult().replaceAllUsesWith(body.addArgument(type, op.getLoc()));
    op.erase();
  }
  function.removeArgAttrsAttr();
  function.setType(
      FunctionType::get(module.getContext(), body.getArgumentTypes(), function.getResultTypes()));
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text;
}

std::vector<OnnxOp> opsOfOnnx() {
  std::vector<OnnxOp> out;
  for (const onnx::OpEntry &op : onnx::allOps())
    out.push_back({op.name.str(), op.hasGradient});
  return out;
}

std::string importOnnx(const std::string &bytes, std::vector<Array> &arguments,
                       std::string &errors) {
  SmallString<64> path;
  int file = -1;
  if (llvm::sys::fs::createTemporaryFile("of-onnx", "onnx", file, path))
    return errors = "no temporary file", "";
  llvm::raw_fd_ostream(file, true) << bytes;
  MLIRContext context(MLIRContext::Threading::DISABLED);
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &d) {
    errors += d.str() + "\n";
    return success();
  });
  context.loadDialect<OfDialect, func::FuncDialect>();
  Weights weights;
  OwningOpRef<ModuleOp> module =
      onnx::readModel(&context, onnx::ModelRequest{path.str().str(), 0}, weights);
  std::string text = module ? textOf(*module, weights, arguments) : "";
  llvm::sys::fs::remove(path);
  return text;
}

} // namespace of::test
