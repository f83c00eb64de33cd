#include "lib/Import/Model.h"

#include "dialects/Of/Of.h"
#include "lib/Import/Import.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/AsmParser/AsmParserState.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

namespace of {

func::FuncOp modelFunction(ModuleOp module) {
  auto functions = module.getOps<func::FuncOp>();
  return functions.empty() ? func::FuncOp() : *functions.begin();
}

StringRef sourceName(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName().strref();
  return {};
}

// ---- Names
// ---------------------------------------------------------------------------------------------------------

// "%h1" -> "h1"; "" for numbers, which the author did not choose.
static StringRef chosenName(SMRange range) {
  StringRef text(range.Start.getPointer(), range.End.getPointer() - range.Start.getPointer());
  text.consume_front("%");
  return text.find_first_not_of("0123456789") == StringRef::npos ? StringRef() : text;
}

static Location named(Location loc, StringRef name) {
  return name.empty() ? loc : NameLoc::get(StringAttr::get(loc.getContext(), name), loc);
}

// A result is called as the value it is; one that has no name of its own by its number.
static void nameResults(func::FuncOp function) {
  Builder b(function.getContext());
  llvm::StringSet<> taken;
  for (auto [i, value] :
       llvm::enumerate(function.getBody().front().getTerminator()->getOperands())) {
    std::string name = sourceName(value.getLoc()).str();
    if (name.empty() || !taken.insert(name).second)
      name = "output" + std::to_string(i);
    function.setResultAttr(i, argumentNameAttrName, b.getStringAttr(name));
  }
}

static void keepNames(func::FuncOp function, const AsmParserState &state) {
  Builder b(function.getContext());
  Block &body = function.getBody().front();
  const AsmParserState::BlockDefinition *block = state.getBlockDef(&body);
  for (BlockArgument argument : body.getArguments()) {
    unsigned i = argument.getArgNumber();
    std::string name = "arg" + std::to_string(i);
    if (block && i < block->arguments.size())
      if (StringRef chosen = chosenName(block->arguments[i].loc); !chosen.empty())
        name = chosen.str();
    if (!function.getArgAttr(i, argumentNameAttrName))
      function.setArgAttr(i, argumentNameAttrName, b.getStringAttr(name));
    argument.setLoc(named(argument.getLoc(), name));
  }
  for (const AsmParserState::OperationDefinition &def : state.getOpDefs())
    if (!def.resultGroups.empty() && function->isProperAncestor(def.op))
      def.op->setLoc(named(def.op->getLoc(), chosenName(def.resultGroups[0].definition.loc)));
  nameResults(function);
}

// ---- Is it a model?
// ------------------------------------------------------------------------------------------------

static LogicalResult checkType(Location loc, Type type, const Twine &what) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return emitError(loc) << what << " is " << type << "; a model works on ranked tensors";
  if (tensor.getEncoding())
    return emitError(loc) << what << " is " << type
                          << "; a model is written for one device, distributions are pinned with "
                             "of.pin or in the job";
  for (auto [i, dim] : llvm::enumerate(tensor.getShape()))
    if (ShapedType::isDynamic(dim) && i)
      return emitError(loc) << what << " is " << type
                            << "; only the first dim may be '?': it is the batch";
  return success();
}

static LogicalResult checkParameter(ParameterOp op, llvm::StringMap<ParameterOp> &seen) {
  auto type = cast<RankedTensorType>(op.getType());
  if (!type.hasStaticShape())
    return op.emitOpError("'") << op.getName() << "' is " << type
                               << "; a parameter has a fixed shape";
  auto [it, isNew] = seen.try_emplace(op.getName(), op);
  if (!isNew && (it->second.getType() != op.getType() || it->second.getInit() != op.getInit() ||
                 it->second.getFrozen() != op.getFrozen())) {
    InFlightDiagnostic error =
        op.emitOpError("'")
        << op.getName() << "' is used twice with another type or initialiser; give it another name";
    error.attachNote(it->second.getLoc()) << "the first use is here";
    return error;
  }
  return success();
}

static LogicalResult checkOp(Operation &op, llvm::StringMap<ParameterOp> &parameters) {
  if (isa<func::ReturnOp>(op))
    return success();
  if (!isa_and_nonnull<OfDialect>(op.getDialect()))
    return op.emitOpError("has no place in a model; a model is made of `of` ops");
  if (!isMemoryEffectFree(&op) || isa<BoxingOp>(op))
    return op.emitOpError("has no place in a model; programs are built from the job");
  bool good = true;
  for (Value result : op.getResults())
    // Shapes inside are inferred anew; what is declared must be a tensor.
    if (!isa<RankedTensorType>(result.getType()))
      good = succeeded(checkType(op.getLoc(), result.getType(), "the result"));
  if (auto parameter = dyn_cast<ParameterOp>(op))
    good &= succeeded(checkParameter(parameter, parameters));
  return success(good);
}

static LogicalResult checkModel(ModuleOp module) {
  size_t functions = llvm::range_size(module.getOps<func::FuncOp>());
  if (functions != 1)
    return module.emitError("a model file has one func.func, this one has ") << functions;
  func::FuncOp function = modelFunction(module);
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return function.emitError("the model needs a body of one block");
  bool good = true;
  for (BlockArgument argument : function.getArguments())
    good &= succeeded(checkType(argument.getLoc(), argument.getType(),
                                "argument " + Twine(argument.getArgNumber())));
  for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
    good &= succeeded(checkType(function.getLoc(), type, "result " + Twine(i)));
  llvm::StringMap<ParameterOp> parameters;
  for (Operation &op : function.getBody().front())
    good &= succeeded(checkOp(op, parameters));
  if (function.getNumResults() == 0) {
    function.emitError("the model returns nothing; return logits or a loss");
    good = false;
  }
  return success(good);
}

OwningOpRef<ModuleOp> readModel(MLIRContext *context, const std::string &file) {
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(file, &message);
  if (!buffer) {
    emitError(UnknownLoc::get(context)) << message;
    return {};
  }
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(buffer), SMLoc());
  Block block;
  AsmParserState state;
  if (failed(parseAsmSourceFile(sources, &block, ParserConfig(context), &state)))
    return {};
  Location loc = FileLineColLoc::get(context, file, 0, 0);
  OwningOpRef<ModuleOp> module;
  if (llvm::hasSingleElement(block) && isa<ModuleOp>(block.front())) {
    module = cast<ModuleOp>(block.front());
    module->getOperation()->remove();
  } else {
    module = ModuleOp::create(loc);
    Block *body = module->getBody();
    body->getOperations().splice(body->end(), block.getOperations());
  }
  if (failed(checkModel(*module)))
    return {};
  keepNames(modelFunction(*module), state);
  return module;
}

} // namespace of
