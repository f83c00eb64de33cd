#include "lib/Import/Specialize.h"

#include "dialects/Of/Of.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/BuiltinTypes.h"

#include <charconv>

using namespace mlir;

namespace of {

// The double nearest to the shortest decimal that reads back as this float.
static double asWritten(float value) {
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  double out = value;
  std::from_chars(buffer, end, out);
  return out;
}

void retypeToF64(func::FuncOp model) {
  Type f32 = Float32Type::get(model.getContext()), f64 = Float64Type::get(model.getContext());
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](Type type) -> std::optional<Type> {
    return type == f32 ? std::optional<Type>(f64) : std::nullopt;
  });
  replacer.addReplacement([&](FloatAttr attr) -> std::optional<Attribute> {
    if (attr.getType() != f32)
      return std::nullopt;
    return FloatAttr::get(f64, asWritten(attr.getValue().convertToFloat()));
  });
  replacer.recursivelyReplaceElementsIn(model, /*replaceAttrs=*/true, /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
}

static RankedTensorType withRows(Type type, int64_t rows) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getShape());
  if (!shape.empty() && ShapedType::isDynamic(shape[0]))
    shape[0] = rows;
  return tensor.clone(shape);
}

static LogicalResult inferAnew(Operation &op, int64_t rows) {
  auto inference = dyn_cast<InferTypeOpInterface>(op);
  if (!inference) {
    for (Value result : op.getResults())
      result.setType(withRows(result.getType(), rows));
    return success();
  }
  SmallVector<Type> types;
  if (failed(inference.inferReturnTypes(op.getContext(), op.getLoc(), op.getOperands(),
                                        op.getDiscardableAttrDictionary(),
                                        op.getPropertiesStorage(), op.getRegions(), types)))
    return failure();
  for (auto [result, type] : llvm::zip(op.getResults(), types)) {
    if (auto tensor = dyn_cast<RankedTensorType>(type); !tensor || !tensor.hasStaticShape())
      return op.emitOpError("has result ")
             << type << " with " << rows
             << " rows in a micro-batch; all shapes must follow from the batch";
    result.setType(type);
  }
  return success();
}

LogicalResult specializeBatch(func::FuncOp model, int64_t rows) {
  Block &body = model.getBody().front();
  for (BlockArgument argument : body.getArguments())
    argument.setType(withRows(argument.getType(), rows));
  for (Operation &op : body)
    if (failed(inferAnew(op, rows)))
      return failure();
  model.setType(FunctionType::get(model.getContext(), TypeRange(body.getArgumentTypes()),
                                  TypeRange(body.getTerminator()->getOperandTypes())));
  return success();
}

} // namespace of
