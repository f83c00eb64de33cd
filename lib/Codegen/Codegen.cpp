#include "lib/Codegen/Codegen.h"

#include "lib/Codegen/Emit.h"
#include "lib/Codegen/ObjectCompiler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace of {

/// A body with the kernels that call it.
struct Code {
  SmallVector<Operation *> ops; ///< of the module, the body first
  size_t size = 0;              ///< of its text: about what it takes to compile
};

/// Text that is worth a part of its own, and how many parts there are at most.
static constexpr size_t kPartBytes = 64 << 10, kMostParts = 16;

/// Codes dealt to parts that are compiled one beside another, the largest first: which is where
/// follows from the codes alone, so an object has the same bytes wherever it is compiled.
static std::vector<std::vector<const Code *>> dealt(ArrayRef<Code> codes) {
  std::vector<const Code *> bySize;
  size_t total = 0;
  for (const Code &code : codes) {
    bySize.push_back(&code);
    total += code.size;
  }
  llvm::stable_sort(bySize, [](const Code *x, const Code *y) { return x->size > y->size; });
  const size_t count = std::clamp<size_t>(total / kPartBytes, 1, kMostParts);
  std::vector<std::vector<const Code *>> parts(count);
  std::vector<size_t> sizes(count);
  for (const Code *code : bySize) {
    const size_t least = llvm::min_element(sizes) - sizes.begin();
    parts[least].push_back(code);
    sizes[least] += code->size;
  }
  return parts;
}

struct KernelEmitter::State {
  MLIRContext *context;
  CodegenOptions options;
  OwningOpRef<ModuleOp> module;
  llvm::StringSet<> symbols;
  std::vector<Code> codes;               ///< not yet compiled
  std::optional<ObjectCompiler> objects; ///< since the first start
  int starts = 0;
  llvm::StringMap<size_t> numbers;        ///< of codes, by the name of the body
  llvm::StringMap<GeneratedKernel> known; ///< by the text of the kernel before it is emitted
};

KernelEmitter::KernelEmitter(MLIRContext *context, CodegenOptions options)
    : state(std::make_unique<State>()) {
  prepareContext(context);
  state->context = context;
  state->options = std::move(options);
  state->module = ModuleOp::create(UnknownLoc::get(context));
}
KernelEmitter::~KernelEmitter() = default;

static std::string hashed(StringRef text) {
  llvm::XXH128_hash_t hash = llvm::xxh3_128bits(llvm::arrayRefFromStringRef(text));
  return ("of_" + Twine::utohexstr(hash.high64) + "_" + Twine::utohexstr(hash.low64)).str();
}

static std::string textOf(func::FuncOp body) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  body->print(stream, OpPrintingFlags().useLocalScope());
  return text;
}

/// A name that only kernels with the same code, numbers and needs have: what it does shows in the
/// plan, a hash of its loops and of what they are given tells it from others.
static std::string symbolOf(std::string text, const EmittedKernel &emitted,
                            ArrayRef<int64_t> needs) {
  llvm::raw_string_ostream stream(text);
  for (unsigned buffer : emitted.buffers)
    stream << ' ' << buffer;
  for (int64_t number : llvm::concat<const int64_t>(emitted.numbers, needs))
    stream << ' ' << number;
  return hashed(text);
}

/// void symbol(void *const *buffers, const int64_t *scalars, int64_t begin, int64_t end): loads the
/// pointers and calls the body, whose arguments say that the buffers are apart. Kernels that differ
/// in their numbers alone (a variable's random start has a seed of its own) call the same body.
static Operation *addWrapper(OpBuilder &b, const EmittedKernel &kernel, StringRef symbol,
                             func::FuncOp body) {
  Location loc = body.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto type = b.getFunctionType({pointer, pointer, b.getI64Type(), b.getI64Type()}, {});
  auto wrapper = func::FuncOp::create(b, loc, symbol, type);
  OpBuilder inner = OpBuilder::atBlockEnd(wrapper.addEntryBlock());
  SmallVector<Value> operands;
  for (unsigned buffer : kernel.buffers) {
    Value at = LLVM::GEPOp::create(inner, loc, pointer, pointer, wrapper.getArgument(0),
                                   ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(buffer)});
    operands.push_back(LLVM::LoadOp::create(inner, loc, pointer, at, 8));
  }
  for (int64_t number : kernel.numbers)
    operands.push_back(arith::ConstantIntOp::create(inner, loc, number, 64));
  llvm::append_range(operands, wrapper.getArguments().drop_front());
  func::CallOp::create(inner, loc, body, operands);
  func::ReturnOp::create(inner, loc);
  return wrapper;
}

/// Tiles, scalars, buffers and the bytes of each, for the loader (runtime/kernel/KernelNeeds.h).
static SmallVector<int64_t> needsOf(func::FuncOp local, const EmittedKernel &kernel) {
  SmallVector<int64_t> needs = {kernel.tiles, static_cast<int64_t>(kernel.scalars.size()),
                                local.getNumArguments() + local.getNumResults()};
  for (Type type : llvm::concat<const Type>(local.getArgumentTypes(), local.getResultTypes())) {
    auto tensor = cast<RankedTensorType>(type);
    unsigned bits = storageType(tensor.getElementType()).getIntOrFloatBitWidth();
    needs.push_back(tensor.getNumElements() * (bits / 8));
  }
  return needs;
}

/// const int64_t symbol_needs[]
static Operation *addNeeds(OpBuilder &b, Location loc, StringRef symbol, ArrayRef<int64_t> needs) {
  return LLVM::GlobalOp::create(b, loc, LLVM::LLVMArrayType::get(b.getI64Type(), needs.size()),
                                /*isConstant=*/true, LLVM::Linkage::External,
                                symbol.str() + "_needs", b.getI64TensorAttr(needs));
}

// Layers repeat kernels, and telling that two are the same takes a fraction of emitting them.
FailureOr<GeneratedKernel> KernelEmitter::add(func::FuncOp kernel, int64_t point) {
  const auto [known, isFirst] =
      state->known.try_emplace(hashed(textOf(kernel) + " at " + std::to_string(point)));
  if (!isFirst)
    return known->second;
  FailureOr<GeneratedKernel> made = emit(kernel, point);
  if (failed(made))
    state->known.erase(known);
  else
    known->second = *made;
  return made;
}

FailureOr<GeneratedKernel> KernelEmitter::emit(func::FuncOp kernel, int64_t point) {
  LocalKernel local(kernel, point);
  OwningOpRef<ModuleOp> scratch = ModuleOp::create(kernel.getLoc());
  SmallVector<Operation *> ops = local.ops();
  bool single = ops.size() == 1 && isa<KernelOpInterface, LoopKernelOpInterface>(ops[0]);
  FailureOr<EmittedKernel> emitted =
      single ? emitKernelOp(local, *scratch) : emitFused(local, *scratch);
  if (failed(emitted))
    return failure();
  const SmallVector<int64_t> needs = needsOf(local.get(), *emitted);
  GeneratedKernel out;
  std::string text = textOf(emitted->body);
  // Each start has its own body of the same code.
  const std::string bodySymbol =
      hashed(text) + "_body" + (state->starts ? std::to_string(state->starts) : "");
  const size_t size = text.size();
  out.symbol = symbolOf(std::move(text), *emitted, needs);
  out.scalars = emitted->scalars;
  out.tiles = emitted->tiles;
  if (!state->symbols.insert(out.symbol).second)
    return out;
  OpBuilder b = OpBuilder::atBlockEnd(state->module->getBody());
  auto [known, isNew] = state->numbers.try_emplace(bodySymbol, state->codes.size());
  if (isNew) {
    emitted->body.setSymName(bodySymbol);
    emitted->body.setPrivate();
    emitted->body->remove();
    b.insert(emitted->body);
    state->codes.push_back({{emitted->body}, size});
  }
  Code &code = state->codes[known->second];
  code.ops.push_back(addWrapper(b, *emitted, out.symbol, cast<func::FuncOp>(code.ops.front())));
  code.ops.push_back(addNeeds(b, kernel.getLoc(), out.symbol, needs));
  return out;
}

LogicalResult KernelEmitter::start() {
  const Isa *isa = findIsa(state->options.isa);
  if (!isa)
    return state->module->emitError("isa '")
           << state->options.isa << "' is not known; use x86-64-v2, x86-64-v3 or x86-64-v4";
  if (!state->objects)
    state->objects.emplace(state->module->getLoc(), *isa,
                           state->options.vectorBits ? state->options.vectorBits : isa->vectorBits);
  if (state->codes.empty() && state->starts > 0)
    return success();
  for (const std::vector<const Code *> &part : dealt(state->codes)) {
    OwningOpRef<ModuleOp> copy = ModuleOp::create(state->module->getLoc());
    OpBuilder b = OpBuilder::atBlockEnd(copy->getBody());
    for (const Code *code : part)
      for (Operation *op : code->ops)
        b.clone(*op);
    if (failed(lowerToLLVM(*copy, *isa)) || failed(state->objects->add(*copy)))
      return failure();
  }
  state->codes.clear();
  state->numbers.clear();
  ++state->starts;
  return success();
}

FailureOr<std::vector<char>> KernelEmitter::compile() {
  if (failed(start()))
    return failure();
  return state->objects->finish();
}

} // namespace of
