#include "test/codegen/CodegenHarness.h"

#include "lib/Codegen/Codegen.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Object/ELFObjectFile.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;

namespace of::test {

static bool matmulKernel = false;

namespace {

/// Lets a test compile of.matmul, which a library does otherwise, from linalg: lhs rhs + global row
/// index. With `transpose_rhs` it multiplies lhs twice and so needs a temporary.
struct MatmulKernel : KernelOpInterface::ExternalModel<MatmulKernel, MatmulOp> {
  static Value product(OpBuilder &b, Location loc, Value lhs, Value rhs, RankedTensorType type) {
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type.getElementType()));
    Value empty = tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
    Value filled = linalg::FillOp::create(b, loc, zero, empty).getResult(0);
    return linalg::MatmulOp::create(b, loc, TypeRange{type}, ValueRange{lhs, rhs},
                                    ValueRange{filled})
        .getResult(0);
  }
  LogicalResult buildKernel(Operation *op, OpBuilder &b, ValueRange operands,
                            ArrayRef<RankedTensorType> types, PointContext &point,
                            SmallVectorImpl<Value> &results) const {
    Location loc = op->getLoc();
    Value lhs = operands[0], rhs = operands[1];
    if (cast<MatmulOp>(op).getTransposeRhs())
      lhs = product(b, loc, lhs, rhs, types[0]);
    Value sum = product(b, loc, lhs, rhs, types[0]);
    AffineMap identity = b.getMultiDimIdentityMap(2);
    SmallVector<utils::IteratorType> loops(2, utils::IteratorType::parallel);
    auto shifted = linalg::GenericOp::create(
        b, loc, TypeRange{types[0]}, ValueRange{}, ValueRange{sum}, ArrayRef<AffineMap>{identity},
        loops, [&](OpBuilder &inner, Location, ValueRange args) {
          Value row = arith::IndexCastOp::create(inner, loc, inner.getI64Type(),
                                                 point.globalIndex(inner, 0));
          Value real = arith::SIToFPOp::create(inner, loc, types[0].getElementType(), row);
          Value out = arith::AddFOp::create(inner, loc, args[0], real);
          linalg::YieldOp::create(inner, loc, out);
        });
    results.push_back(shifted.getResult(0));
    return success();
  }
};

} // namespace

void setMatmulKernel(bool on) { matmulKernel = on; }

static std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registry.insert<OfDialect, func::FuncDialect, arith::ArithDialect>();
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  if (matmulKernel)
    MatmulOp::attachInterface<MatmulKernel>(*context);
  return context;
}

static OwningOpRef<ModuleOp> parse(const std::string &text, MLIRContext *context) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, ParserConfig(context));
  if (!module)
    llvm::errs() << "cannot parse:\n" << text << "\n";
  return module;
}

Compiled compileKernels(const std::string &text, const std::string &isa, int64_t point) {
  Compiled out;
  std::unique_ptr<MLIRContext> context = makeContext();
  ScopedDiagnosticHandler handler(context.get(), [&](Diagnostic &d) {
    out.errors += d.str() + "\n";
    return success();
  });
  OwningOpRef<ModuleOp> module = parse(text, context.get());
  if (!module)
    return out;
  CodegenOptions options;
  options.isa = isa;
  KernelEmitter emitter(context.get(), options);
  for (auto kernel : module->getOps<func::FuncOp>()) {
    FailureOr<GeneratedKernel> generated = emitter.add(kernel, point);
    if (failed(generated))
      return out;
    KernelInfo info;
    info.name = kernel.getName().str();
    info.symbol = generated->symbol;
    info.tiles = generated->tiles;
    for (const KernelScalar &s : generated->scalars) {
      info.isMicroIndex.push_back(s.kind == KernelScalar::MicroIndex);
      info.scalars.push_back(s.kind == KernelScalar::MicroIndex
                                 ? 0
                                 : boxAt(s.shape, s.dist.layout(), point).dims[s.dim].begin);
    }
    out.kernels.push_back(info);
  }
  FailureOr<std::vector<char>> object = emitter.compile();
  if (succeeded(object))
    out.object = *object;
  return out;
}

bool hostRuns(const std::string &isa) {
  __builtin_cpu_init();
  if (isa == "x86-64-v4")
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd");
  if (isa == "x86-64-v3")
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2");
  return __builtin_cpu_supports("sse4.2");
}

std::string hostIsa() {
  for (const char *isa : {"x86-64-v4", "x86-64-v3"})
    if (hostRuns(isa))
      return isa;
  return "x86-64-v2";
}

bool textCanFuse(const std::string &text) {
  std::unique_ptr<MLIRContext> context = makeContext();
  OwningOpRef<ModuleOp> module = parse(text, context.get());
  SmallVector<Operation *> ops;
  for (Operation &op : (*module->getOps<func::FuncOp>().begin()).front().without_terminator())
    ops.push_back(&op);
  return canFuse(ops);
}

bool textCanShare(const std::string &text, unsigned argument, unsigned result) {
  std::unique_ptr<MLIRContext> context = makeContext();
  OwningOpRef<ModuleOp> module = parse(text, context.get());
  return canShareBuffer(*module->getOps<func::FuncOp>().begin(), argument, result);
}

std::vector<std::string> importsOf(const std::vector<char> &object) {
  std::vector<std::string> out;
  llvm::MemoryBufferRef bytes(StringRef(object.data(), object.size()), "object");
  auto file = llvm::cantFail(llvm::object::ObjectFile::createObjectFile(bytes));
  auto *elf = cast<llvm::object::ELFObjectFileBase>(file.get());
  for (const llvm::object::ELFSymbolRef &symbol : elf->getDynamicSymbolIterators())
    if (llvm::cantFail(symbol.getFlags()) & llvm::object::SymbolRef::SF_Undefined)
      out.push_back(llvm::cantFail(symbol.getName()).str());
  return out;
}

LoadedObject::LoadedObject(const std::vector<char> &bytes) {
  fd = memfd_create("kernels", MFD_CLOEXEC);
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t n = write(fd, bytes.data() + done, bytes.size() - done);
    if (n <= 0)
      break;
    done += n;
  }
  std::string path = "/proc/self/fd/" + std::to_string(fd);
  handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    llvm::errs() << "dlopen: " << dlerror() << "\n";
}
LoadedObject::~LoadedObject() {
  if (handle)
    dlclose(handle);
  close(fd);
}
LoadedObject::Function LoadedObject::find(const std::string &symbol) const {
  return handle ? reinterpret_cast<Function>(dlsym(handle, symbol.c_str())) : nullptr;
}

Kernel::Kernel(const std::string &text, const std::string &isa, int64_t point)
    : compiled(compileKernels(text, isa, point)) {
  if (compiled.object.empty())
    return;
  object = std::make_unique<LoadedObject>(compiled.object);
  function = object->find(info().symbol);
}

void Kernel::runTiles(const std::vector<void *> &buffers, int64_t begin, int64_t end,
                      int64_t microIndex) const {
  std::vector<int64_t> scalars = info().scalars;
  for (size_t i = 0; i < scalars.size(); ++i)
    if (info().isMicroIndex[i])
      scalars[i] = microIndex;
  function(buffers.data(), scalars.data(), begin, end);
}

void Kernel::run(const std::vector<void *> &buffers, int64_t microIndex) const {
  for (int64_t tile = info().tiles; tile-- > 0;)
    runTiles(buffers, tile, tile + 1, microIndex);
}

} // namespace of::test
