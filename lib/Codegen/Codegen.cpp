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

struct KernelEmitter::State {
  MLIRContext *context;
  CodegenOptions options;
  OwningOpRef<ModuleOp> module;
  llvm::StringSet<> symbols;
};

KernelEmitter::KernelEmitter(MLIRContext *context, CodegenOptions options)
    : state(std::make_unique<State>()) {
  prepareContext(context);
  state->context = context;
  state->options = std::move(options);
  state->module = ModuleOp::create(UnknownLoc::get(context));
}
KernelEmitter::~KernelEmitter() = default;

/// A name that only kernels with the same code and needs have: what it does shows in the plan, a
/// hash of its loops and needs tells it from others.
static std::string symbolOf(const EmittedKernel &emitted, ArrayRef<int64_t> needs) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  emitted.body->print(stream, OpPrintingFlags().useLocalScope());
  for (unsigned buffer : emitted.buffers)
    stream << ' ' << buffer;
  for (int64_t need : needs)
    stream << ' ' << need;
  llvm::XXH128_hash_t hash = llvm::xxh3_128bits(llvm::arrayRefFromStringRef(text));
  return ("of_" + Twine::utohexstr(hash.high64) + "_" + Twine::utohexstr(hash.low64)).str();
}

/// void symbol(void *const *buffers, const int64_t *scalars, int64_t begin, int64_t end): loads the
/// pointers and calls the body, whose arguments say that the buffers are apart.
static void addWrapper(OpBuilder &b, const EmittedKernel &kernel, StringRef symbol) {
  func::FuncOp body = kernel.body;
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
  llvm::append_range(operands, wrapper.getArguments().drop_front());
  func::CallOp::create(inner, loc, body, operands);
  func::ReturnOp::create(inner, loc);
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
static void addNeeds(OpBuilder &b, Location loc, StringRef symbol, ArrayRef<int64_t> needs) {
  LLVM::GlobalOp::create(b, loc, LLVM::LLVMArrayType::get(b.getI64Type(), needs.size()),
                         /*isConstant=*/true, LLVM::Linkage::External, symbol.str() + "_needs",
                         b.getI64TensorAttr(needs));
}

FailureOr<GeneratedKernel> KernelEmitter::add(func::FuncOp kernel, int64_t point) {
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
  out.symbol = symbolOf(*emitted, needs);
  out.scalars = emitted->scalars;
  out.tiles = emitted->tiles;
  if (!state->symbols.insert(out.symbol).second)
    return out;
  emitted->body.setSymName(out.symbol + "_body");
  emitted->body.setPrivate();
  emitted->body->remove();
  OpBuilder b = OpBuilder::atBlockEnd(state->module->getBody());
  b.insert(emitted->body);
  addWrapper(b, *emitted, out.symbol);
  addNeeds(b, kernel.getLoc(), out.symbol, needs);
  return out;
}

FailureOr<std::vector<char>> KernelEmitter::compile() {
  const Isa *isa = findIsa(state->options.isa);
  if (!isa)
    return state->module->emitError("isa '")
               << state->options.isa << "' is not known; use x86-64-v2, x86-64-v3 or x86-64-v4",
           failure();
  OwningOpRef<ModuleOp> copy = state->module->clone();
  if (failed(lowerToLLVM(*copy, *isa)))
    return failure();
  return compileSharedObject(
      *copy, *isa, state->options.vectorBits ? state->options.vectorBits : isa->vectorBits);
}

} // namespace of
