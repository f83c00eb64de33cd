#include "lib/Import/Onnx/Onnx.h"

#include "lib/Import/Import.h"
#include "lib/Import/Onnx/Import.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace of::onnx {

// ---- Inputs
// --------------------------------------------------------------------------------------

namespace {

/// Types of the model's inputs for the rows of a micro-batch.
class InputTypes {
public:
  InputTypes(const ModelRequest &request, MLIRContext *context, Location loc)
      : request(request), context(context), loc(loc) {}

  /// Null after an error.
  RankedTensorType typeOf(const ValueInfo &input) {
    Type element = elementTypeOf(input.elementType, context);
    if (!input.isTensor || !element) {
      emitError(loc) << "input '" << input.name << "' is no tensor of a type that is known here ("
                     << nameOfElementType(input.elementType) << ")";
      return {};
    }
    auto sample = request.sampleShape ? request.sampleShape(input.name) : std::nullopt;
    Ints shape;
    if (!input.hasShape && sample) {
      shape.push_back(request.rows);
      shape.append(sample->begin(), sample->end());
    }
    for (auto [i, dim] : llvm::enumerate(input.dims)) {
      shape.push_back(i == 0 ? rowsOf(input, dim) : sizeOf(input, dim, i, sample));
      if (shape.back() < 0)
        return {};
    }
    if (std::string problem = problemOfShape(shape); !problem.empty()) {
      emitError(loc) << "input '" << input.name << "': " << problem;
      return {};
    }
    return RankedTensorType::get(shape, element);
  }

private:
  int64_t rowsOf(const ValueInfo &input, const Dim &dim) {
    if (request.rows == 0)
      return std::max<int64_t>(dim.size, 0);
    if (dim.size <= 0 || dim.size == request.rows)
      return request.rows;
    emitError(loc) << "input '" << input.name << "' was exported for a batch of " << dim.size
                   << ", a micro-batch has " << request.rows << " rows; export with dynamic_axes={'"
                   << input.name
                   << "': {0: 'batch'}, ...}, or choose batch / accumulate so that it is "
                   << dim.size;
    return -1;
  }

  int64_t sizeOf(const ValueInfo &input, const Dim &dim, size_t i,
                 const std::optional<std::vector<int64_t>> &sample) {
    if (dim.size > 0 || (dim.size == 0 && request.rows == 0))
      return dim.size;
    if (sample && i - 1 < sample->size())
      return symbols[dim.symbol] = (*sample)[i - 1];
    if (!dim.symbol.empty() && symbols.count(dim.symbol))
      return symbols[dim.symbol];
    emitError(loc) << "dim " << i << " of input '" << input.name << "' is open ('" << dim.symbol
                   << "'); say what it is with the field's 'shape' (or 'sequence') in the job";
    return -1;
  }

  const ModelRequest &request;
  MLIRContext *context;
  Location loc;
  llvm::StringMap<int64_t> symbols;
};

} // namespace

// The function with its arguments, without a body's ops.
static func::FuncOp declare(OpBuilder &b, const GraphProto &graph, const ModelRequest &request,
                            Location loc) {
  llvm::StringSet<> initialised;
  for (const TensorProto &tensor : graph.initializers)
    initialised.insert(tensor.name);
  InputTypes inputs(request, b.getContext(), loc);
  SmallVector<Type> types;
  SmallVector<StringRef> names;
  for (const ValueInfo &input : graph.inputs) {
    if (initialised.contains(input.name))
      continue;
    if (llvm::is_contained(names, input.name))
      return emitError(loc) << "two inputs are called '" << input.name << "'", func::FuncOp();
    types.push_back(inputs.typeOf(input));
    names.push_back(input.name);
  }
  if (!llvm::all_of(types, [](Type t) { return static_cast<bool>(t); }))
    return {};
  StringRef name = graph.name.empty() ? StringRef("model") : graph.name;
  auto function = func::FuncOp::create(b, loc, name, b.getFunctionType(types, {}));
  Block *body = function.addEntryBlock();
  for (auto [i, argument] : llvm::enumerate(body->getArguments())) {
    function.setArgAttr(i, argumentNameAttrName, b.getStringAttr(names[i]));
    argument.setLoc(NameLoc::get(b.getStringAttr(names[i]), loc));
  }
  return function;
}

// ---- Advice
// --------------------------------------------------------------------------------------

static constexpr const char *kHowToExport =
    "export for training: torch.onnx.export(..., training=torch.onnx.TrainingMode.TRAINING, "
    "do_constant_folding=False)";

static void advise(const Import::Hints &hints, Location loc) {
  if (hints.foldedNorms)
    emitWarning(loc) << "the model was exported for evaluation: " << hints.foldedNorms
                     << " convolutions have weights that the exporter computed (first '"
                     << hints.firstFolded
                     << "'), as it does when it folds batch norms into them; dropout is gone too. "
                     << kHowToExport;
  else if (hints.evalNorms)
    emitWarning(loc) << hints.evalNorms
                     << " batch norms were exported for evaluation; they are trained with the "
                        "statistics of the batch, but dropout that the export left out does not "
                        "come back. "
                     << kHowToExport;
  if (hints.renamed)
    emitWarning(loc)
        << hints.renamed
        << " weights have lost their names, since the exporter transposed them (first '"
        << hints.firstRenamed << "'); checkpoints will have them under these names. "
        << kHowToExport;
}

// ---- The model
// -----------------------------------------------------------------------------------

static LogicalResult lower(const ModelProto &model, const ModelRequest &request, ModuleOp module,
                           Weights &weights) {
  MLIRContext *context = module.getContext();
  Location loc = module.getLoc();
  if (!model.hasGraph)
    return emitError(loc) << "is no ONNX model: it has no graph";
  if (model.graph.hasSparse)
    return emitError(loc) << "has sparse initialisers, which nothing here works on";
  if (model.graph.outputs.empty())
    return emitError(loc) << "returns nothing; export logits or a loss";
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  func::FuncOp function = declare(b, model.graph, request, loc);
  if (!function)
    return failure();
  Import import(model, context, request.file, weights);
  if (failed(import.run(function)))
    return failure();
  materialiseConstants(function, weights);
  freezeUnreached(function);
  if (failed(verify(module)))
    return failure();
  advise(import.hints, loc);
  return success();
}

OwningOpRef<ModuleOp> readModel(MLIRContext *context, const ModelRequest &request,
                                Weights &weights) {
  context->getOrLoadDialect<arith::ArithDialect>(); // constants on the way
  context->getOrLoadDialect<math::MathDialect>();   // scalars that are folded
  // The file is no text: no line of it can be shown.
  Location loc = FileLineColLoc::get(context, request.file + "#model", 0, 0);
  auto fail = [&](const Twine &why) {
    emitError(loc) << request.file << " " << why;
    return OwningOpRef<ModuleOp>();
  };
  if (!llvm::sys::fs::exists(request.file))
    return fail("does not exist");
  if (!llvm::sys::fs::is_regular_file(request.file))
    return fail("is no regular file");
  // A copy: the file may change while it is read.
  auto buffer = llvm::MemoryBuffer::getFile(request.file, false, false, /*IsVolatile=*/true);
  if (!buffer)
    return fail("cannot be read: " + buffer.getError().message());
  ModelProto model;
  std::string error;
  if (!parseModel((*buffer)->getBuffer(), model, error))
    return fail("is no ONNX model: " + error);
  for (const ValueInfo &input : model.graph.inputs)
    if (const TensorProto *known = request.known ? request.known(input.name) : nullptr) {
      model.graph.initializers.push_back(*known);
      model.graph.initializers.back().name = input.name;
    }
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  if (failed(lower(model, request, *module, weights)))
    return {};
  // Weights read from the file's bytes until they are written.
  weights.hold(std::shared_ptr<llvm::MemoryBuffer>(std::move(*buffer)));
  return module;
}

} // namespace of::onnx
