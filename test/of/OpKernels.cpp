#include "test/of/OpKernels.h"

#include "dialects/Of/Build.h"
#include "lib/Codegen/Localize.h"

#include "mlir/IR/Verifier.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;

namespace of::test {

struct OpKernels::Kernel {
  using Function = void (*)(void *const *, const int64_t *, int64_t, int64_t);
  SmallVector<RankedTensorType> results; ///< local
  bool isView = false;
  std::unique_ptr<rt::Routine> routine; ///< or
  std::string symbol;                   ///< of a generated function
  Function function = nullptr;
  std::vector<int64_t> scalars;
  SmallVector<unsigned> micro; ///< scalars that are the index of the micro-batch
  int64_t tiles = 1;
  size_t scratchBytes = 0;
};

int64_t elementBytes(Type element) {
  return element.isInteger(1) ? 1 : element.getIntOrFloatBitWidth() / 8;
}

Buffer makeBuffer(RankedTensorType type) {
  return {type, std::vector<char>(type.getNumElements() * elementBytes(type.getElementType()))};
}

OpKernels::OpKernels(MLIRContext *context) : emitter(context, {"x86-64-v2", 0}) {}
OpKernels::~OpKernels() {
  if (object)
    dlclose(object);
  if (file >= 0)
    close(file);
}

static int64_t firstIndex(Type type, unsigned dim, int64_t point) {
  DistAttr dist = distOf(type);
  if (!dist)
    return 0;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(type).getShape();
  return boxAt(Shape(shape.begin(), shape.end()), dist.layout(), point).dims[dim].begin;
}

// Constants are in the kernels that use them: some ops look at them.
static OwningOpRef<func::FuncOp> functionOf(Operation *op, TypeRange operands, TypeRange results) {
  OpBuilder b(op->getContext());
  auto function =
      func::FuncOp::create(op->getLoc(), "kernel", b.getFunctionType(operands, results));
  Block *block = function.addEntryBlock();
  b.setInsertionPointToEnd(block);
  SmallVector<Value> inner(block->getArguments());
  for (auto [operand, type, mine] : llvm::zip(op->getOperands(), operands, inner))
    if (auto constant = operand.getDefiningOp<ConstantOp>();
        constant && !(distOf(type) && distOf(type).hasPartial()))
      mine = ConstantOp::create(b, op->getLoc(), type, constant.getValue());
  Operation *copy = b.clone(*op);
  copy->setOperands(inner);
  for (auto [result, type] : llvm::zip(copy->getResults(), results))
    result.setType(type);
  func::ReturnOp::create(b, op->getLoc(), copy->getResults());
  return function;
}

static Type typeOfValue(Operation *op, unsigned value) {
  return value < op->getNumOperands() ? op->getOperand(value).getType()
                                      : op->getResult(value - op->getNumOperands()).getType();
}

LogicalResult OpKernels::addRoutine(Kernel &kernel, Operation *op, int64_t point) {
  SmallVector<RankedTensorType> operands;
  std::vector<size_t> bytes;
  for (Value operand : op->getOperands())
    operands.push_back(localTypeAt(operand.getType(), point));
  for (RankedTensorType type : llvm::concat<RankedTensorType>(operands, kernel.results))
    bytes.push_back(type.getNumElements() * elementBytes(type.getElementType()));
  LibraryCall call = cast<LibraryOpInterface>(op).getLibraryCall(operands, kernel.results);
  plan::LibraryT table;
  table.name = call.name;
  table.dtype = static_cast<plan::DType>(call.dtype);
  table.ints.assign(call.ints.begin(), call.ints.end());
  table.floats.assign(call.floats.begin(), call.floats.end());
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(plan::Library::Pack(builder, &table));
  const auto &library = *flatbuffers::GetRoot<plan::Library>(builder.GetBufferPointer());
  kernel.tiles = rt::maxTiles(library);
  auto scratch = rt::scratchBytes(library, kernel.tiles);
  if (!scratch)
    return op->emitOpError("has a call that its library refuses: ") << scratch.status().message();
  kernel.scratchBytes = *scratch;
  if (call.scratch)
    bytes.push_back(*scratch);
  else if (*scratch)
    return op->emitOpError("does not say that its routine needs scratch");
  auto routine = rt::makeRoutine(library, kernel.tiles, bytes);
  if (!routine)
    return op->emitOpError("has a call that its library refuses: ") << routine.status().message();
  kernel.routine = std::move(*routine);
  for (auto [value, dim] : call.offsets)
    kernel.scalars.push_back(firstIndex(typeOfValue(op, value), dim, point));
  return success();
}

FailureOr<unsigned> OpKernels::add(Operation *op, TypeRange operands, TypeRange results,
                                   int64_t point) {
  OwningOpRef<func::FuncOp> function = functionOf(op, operands, results);
  if (failed(verify(*function)))
    return failure();
  Operation *copy = function->front().getTerminator()->getPrevNode();
  auto kernel = std::make_unique<Kernel>();
  for (Type type : results)
    kernel->results.push_back(localTypeAt(type, point));
  kernel->isView = isa<ViewOpInterface>(copy);
  if (isa<LibraryOpInterface>(copy)) {
    if (failed(addRoutine(*kernel, copy, point)))
      return failure();
  } else if (!kernel->isView) {
    FailureOr<GeneratedKernel> generated = emitter.add(*function, point);
    if (failed(generated))
      return failure();
    kernel->symbol = generated->symbol;
    kernel->tiles = generated->tiles;
    for (const KernelScalar &s : generated->scalars) {
      if (s.kind == KernelScalar::MicroIndex)
        kernel->micro.push_back(kernel->scalars.size());
      kernel->scalars.push_back(s.kind == KernelScalar::MicroIndex
                                    ? 0
                                    : boxAt(s.shape, s.dist.layout(), point).dims[s.dim].begin);
    }
  }
  kernels.push_back(std::move(kernel));
  return kernels.size() - 1;
}

LogicalResult OpKernels::compile() {
  if (llvm::all_of(kernels, [](auto &kernel) { return kernel->symbol.empty(); }))
    return success();
  FailureOr<std::vector<char>> bytes = emitter.compile();
  if (failed(bytes))
    return failure();
  file = memfd_create("kernels", MFD_CLOEXEC);
  if (write(file, bytes->data(), bytes->size()) != static_cast<ssize_t>(bytes->size()))
    return failure();
  object = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!object)
    return failure();
  for (auto &kernel : kernels)
    if (!kernel->symbol.empty())
      kernel->function = reinterpret_cast<Kernel::Function>(dlsym(object, kernel->symbol.c_str()));
  return success();
}

std::vector<Buffer> OpKernels::run(unsigned index, ArrayRef<const Buffer *> operands,
                                   int64_t microIndex) const {
  const Kernel &kernel = *kernels[index];
  std::vector<Buffer> results;
  std::vector<void *> buffers;
  for (const Buffer *operand : operands)
    buffers.push_back(const_cast<char *>(operand->bytes.data()));
  for (RankedTensorType type : kernel.results)
    results.push_back(makeBuffer(type));
  for (Buffer &result : results) {
    llvm::fill(result.bytes, char(0xff)); // what a kernel forgets to write is a NaN
    buffers.push_back(result.bytes.data());
  }
  if (kernel.isView) {
    results[0].bytes = operands[0]->bytes;
    return results;
  }
  std::vector<char> scratch(kernel.scratchBytes, char(0xff));
  buffers.push_back(scratch.data());
  std::vector<int64_t> scalars = kernel.scalars;
  for (unsigned i : kernel.micro)
    scalars[i] = microIndex;
  for (int64_t tile = kernel.tiles; tile-- > 0;)
    if (kernel.routine)
      kernel.routine->run(buffers.data(), scalars.data(), tile, tile + 1);
    else
      kernel.function(buffers.data(), scalars.data(), tile, tile + 1);
  return results;
}

} // namespace of::test
