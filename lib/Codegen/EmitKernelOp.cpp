// Kernels of one op that brings its own linalg or its own loops. Its function takes memrefs while
// it is built, so that results are written straight into the given buffers, and pointers
// afterwards, as the fused ones do.
#include "lib/Codegen/Emit.h"
#include "lib/Codegen/Lower.h"

#include "dialects/Of/Build.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace of {
namespace {

/// What an op with its own loops sees: indices exist where it builds a linalg body.
class LinalgPoint : public PointContext {
public:
  LinalgPoint(Operation *original, Value scalarsPtr, ScalarTable &scalars)
      : original(original), scalarsPtr(scalarsPtr), scalars(scalars) {}

  Value globalIndex(OpBuilder &b, unsigned dim) override {
    // While a linalg op is being built its body has no parent yet.
    Operation *parent = b.getInsertionBlock()->getParentOp();
    if (parent && !isa<linalg::LinalgOp>(parent)) {
      if (!std::exchange(failed, true))
        original->emitOpError("asks for the index of a point outside of a linalg body; offsets "
                              "alone are there with operandOffset");
      return arith::ConstantIndexOp::create(b, original->getLoc(), 0);
    }
    Value local = linalg::IndexOp::create(b, original->getLoc(), dim);
    return plusOffset(b, local, original->getResult(0).getType(), dim);
  }
  Value operandOffset(OpBuilder &b, unsigned operand, unsigned dim) override {
    Value zero = arith::ConstantIndexOp::create(b, original->getLoc(), 0);
    return plusOffset(b, zero, original->getOperand(operand).getType(), dim);
  }
  Value microIndex(OpBuilder &b) override { return load(b, {}); }
  ArrayRef<int64_t> logicalShape() const override {
    return tensorType(original->getResult(0)).getShape();
  }

  bool failed = false;

private:
  Value plusOffset(OpBuilder &b, Value index, Type logical, unsigned dim) {
    std::optional<KernelScalar> offset = offsetOf(logical, dim);
    return offset
               ? arith::AddIOp::create(b, original->getLoc(), index, load(b, *offset)).getResult()
               : index;
  }
  Value load(OpBuilder &b, const KernelScalar &scalar) {
    Value value = loadScalar(b, scalarsPtr, scalars.indexOf(scalar));
    return arith::IndexCastOp::create(b, original->getLoc(), b.getIndexType(), value);
  }
  Operation *original;
  Value scalarsPtr;
  ScalarTable &scalars;
};

MemRefType bufferType(Type tensor) {
  auto type = cast<RankedTensorType>(tensor);
  return MemRefType::get(type.getShape(), type.getElementType());
}

func::FuncOp makeFunction(const LocalKernel &kernel, ModuleOp module) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  SmallVector<Type> types;
  for (Type type : kernel.get().getArgumentTypes())
    types.push_back(bufferType(type));
  for (Type type : kernel.get().getResultTypes())
    types.push_back(bufferType(type));
  types.push_back(LLVM::LLVMPointerType::get(b.getContext()));
  types.append(2, b.getI64Type());
  auto function =
      func::FuncOp::create(b, kernel.get().getLoc(), "kernel", b.getFunctionType(types, {}));
  function.addEntryBlock();
  return function;
}

/// The op's own computation between tensors that stand for the buffers.
LogicalResult fill(const LocalKernel &kernel, func::FuncOp function, ScalarTable &scalars) {
  Operation *op = kernel.ops().front();
  Location loc = op->getLoc();
  OpBuilder b = OpBuilder::atBlockEnd(&function.front());
  unsigned arguments = kernel.get().getNumArguments();
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    auto argument = cast<BlockArgument>(operand);
    operands.push_back(bufferization::ToTensorOp::create(
        b, loc, operand.getType(), function.getArgument(argument.getArgNumber()),
        /*restrict=*/true));
  }
  SmallVector<RankedTensorType> types;
  for (Type type : op->getResultTypes())
    types.push_back(cast<RankedTensorType>(type));
  LinalgPoint point(kernel.original(op), function.getArgument(function.getNumArguments() - 3),
                    scalars);
  SmallVector<Value> results;
  if (failed(cast<KernelOpInterface>(op).buildKernel(b, operands, types, point, results)) ||
      point.failed)
    return failure();
  for (auto [i, value] : llvm::enumerate(kernel.results())) {
    Value result = results[cast<OpResult>(value).getResultNumber()];
    bufferization::MaterializeInDestinationOp::create(b, loc, Type(), result,
                                                      function.getArgument(arguments + i),
                                                      /*restrict=*/true, /*writable=*/true);
  }
  func::ReturnOp::create(b, loc);
  return success();
}

/// The op's own loops over the buffers, for the tiles that the function is given.
void fillLoops(const LocalKernel &kernel, func::FuncOp function) {
  Operation *op = kernel.ops().front();
  OpBuilder b = OpBuilder::atBlockEnd(&function.front());
  ValueRange arguments = function.getArguments();
  size_t inputs = kernel.get().getNumArguments();
  SmallVector<Value> operands, results(op->getNumResults());
  for (Value operand : op->getOperands())
    operands.push_back(arguments[cast<BlockArgument>(operand).getArgNumber()]);
  for (auto [i, value] : llvm::enumerate(kernel.results()))
    results[cast<OpResult>(value).getResultNumber()] = arguments[inputs + i];
  auto index = [&](Value tile) {
    return arith::IndexCastOp::create(b, op->getLoc(), b.getIndexType(), tile).getResult();
  };
  Value begin = index(arguments.drop_back().back()), end = index(arguments.back());
  cast<LoopKernelOpInterface>(op).buildLoops(b, operands, results, begin, end);
  func::ReturnOp::create(b, op->getLoc());
}

int64_t tilesOf(Operation *op) {
  auto typesOf = [](TypeRange types) {
    return llvm::map_to_vector(types, [](Type t) { return cast<RankedTensorType>(t); });
  };
  return cast<LoopKernelOpInterface>(op).getTiles(typesOf(op->getOperandTypes()),
                                                  typesOf(op->getResultTypes()));
}

/// Sums of a linalg body may be done in any order, so that they vectorise.
void allowReassociation(func::FuncOp function) {
  function.walk([](linalg::GenericOp generic) {
    if (generic.getNumReductionLoops() == 0)
      return;
    for (Value value : generic.getBody()->getTerminator()->getOperands())
      if (auto sum = value.getDefiningOp<arith::AddFOp>())
        sum.setFastmath(sum.getFastmath() | arith::FastMathFlags::reassoc);
  });
}

LogicalResult checkNoTemporaries(Operation *op, func::FuncOp function) {
  Operation *found = nullptr;
  function.walk([&](memref::AllocOp alloc) { found = alloc; });
  if (!found)
    return success();
  return op->emitOpError("needs a temporary of type ")
         << found->getResult(0).getType()
         << " in its kernel; kernels have none: split the op, or write each result where it is "
            "computed";
}

/// Replaces memref arguments by pointers.
void takePointers(func::FuncOp function) {
  MLIRContext *context = function.getContext();
  LowerToLLVMOptions options(context);
  LLVMTypeConverter converter(context, options);
  auto pointer = LLVM::LLVMPointerType::get(context);
  Block &block = function.front();
  OpBuilder b = OpBuilder::atBlockBegin(&block);
  SmallVector<Type> types;
  for (BlockArgument argument : block.getArguments()) {
    auto type = dyn_cast<MemRefType>(argument.getType());
    types.push_back(type ? pointer : argument.getType());
    if (!type)
      continue;
    argument.setType(pointer);
    Value descriptor =
        MemRefDescriptor::fromStaticShape(b, function.getLoc(), converter, type, argument);
    auto cast = UnrealizedConversionCastOp::create(b, function.getLoc(), type, descriptor);
    argument.replaceUsesWithIf(cast.getResult(0), [&](OpOperand &use) {
      return !isa<LLVM::InsertValueOp>(use.getOwner());
    });
    function.setArgAttr(argument.getArgNumber(), LLVM::LLVMDialect::getNoAliasAttrName(),
                        b.getUnitAttr());
  }
  function.setType(FunctionType::get(context, types, {}));
}

} // namespace

FailureOr<EmittedKernel> emitKernelOp(const LocalKernel &kernel, ModuleOp module) {
  Operation *op = kernel.ops().front();
  for (unsigned i = 0; i < kernel.results().size(); ++i)
    if (kernel.argumentUnder(i) >= 0)
      return op->emitOpError("cannot be computed in place; drop ") << inPlaceAttrName, failure();
  EmittedKernel out;
  ScalarTable scalars;
  func::FuncOp function = makeFunction(kernel, module);
  if (isa<LoopKernelOpInterface>(op)) {
    fillLoops(kernel, function);
    out.tiles = tilesOf(op);
  } else if (failed(fill(kernel, function, scalars))) {
    return failure();
  }
  allowReassociation(function);
  if (failed(bufferizeToLoops(module)))
    return op->emitOpError("has a kernel that cannot be bufferised"), failure();
  out.body = *module.getOps<func::FuncOp>().begin();
  if (failed(checkNoTemporaries(op, out.body)))
    return failure();
  takePointers(out.body);
  out.scalars = scalars.list;
  for (unsigned i = 0; i < kernel.get().getNumArguments() + kernel.results().size(); ++i)
    out.buffers.push_back(i);
  return out;
}

} // namespace of
