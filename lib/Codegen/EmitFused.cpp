// From a fused kernel to a function: chooses the walk, then emits it.
#include "lib/Codegen/FusedEmitter.h"

#include "dialects/Of/Build.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace of {

Type storageType(Type element) {
  if (element.isInteger(1))
    return IntegerType::get(element.getContext(), 8);
  if (auto integer = dyn_cast<IntegerType>(element))
    return IntegerType::get(element.getContext(), integer.getWidth());
  return element;
}

Value loadScalar(OpBuilder &b, Value scalarsPtr, unsigned index) {
  OpBuilder entry = OpBuilder::atBlockBegin(scalarsPtr.getParentBlock());
  Location loc = scalarsPtr.getLoc();
  Value at = LLVM::GEPOp::create(entry, loc, scalarsPtr.getType(), entry.getI64Type(), scalarsPtr,
                                 ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
  return LLVM::LoadOp::create(entry, loc, entry.getI64Type(), at, 8);
}

namespace {

/// Loops k and k+1 are one if every buffer walks them so and no op asks for their index.
SmallVector<Group> collapse(const KernelSpace &space, const Accesses &accesses) {
  SmallVector<Group> groups;
  for (unsigned k = 0; k < space.extents.size(); ++k) {
    bool joins = k > 0 && space.folded[k] == space.folded[k - 1] && !accesses.indexed[k] &&
                 !accesses.indexed[k - 1];
    for (const SmallVector<int64_t> &strides : accesses.strides)
      joins = joins && strides[k - 1] == strides[k] * space.extents[k];
    if (joins) {
      groups.back().last = k;
      groups.back().extent *= space.extents[k];
    } else {
      groups.push_back({k, k, space.extents[k], space.folded[k]});
    }
  }
  return groups;
}

/// The group along which some buffer is contiguous while it is not along the innermost one; -1 if
/// there is none or it would not pay.
int readAcross(ArrayRef<Group> groups, const Accesses &accesses) {
  if (groups.size() < 2 || groups.back().extent < acrossRows ||
      llvm::any_of(groups, [](const Group &g) { return g.folded; }))
    return -1;
  for (const SmallVector<int64_t> &strides : accesses.strides)
    if (strides[groups.back().last] > 1)
      for (unsigned g = 0; g + 1 < groups.size(); ++g)
        if (strides[groups[g].last] == 1 && groups[g].extent >= acrossRows)
          return g;
  return -1;
}

SmallVector<Group> separate(const KernelSpace &space) {
  SmallVector<Group> groups;
  for (unsigned k = 0; k < space.extents.size(); ++k)
    groups.push_back({k, k, space.extents[k], space.folded[k]});
  return groups;
}

struct BufferSignature {
  SmallVector<unsigned> buffers; ///< of the function's leading arguments
  SmallVector<int> argumentOf;   ///< function argument of each buffer of the kernel
};

/// Buffers of the kernel as arguments of the function; an argument that a result is written over
/// shares the result's.
BufferSignature signatureOf(const LocalKernel &kernel) {
  BufferSignature s;
  unsigned arguments = kernel.get().getNumArguments(), count = arguments + kernel.results().size();
  s.argumentOf.assign(count, -1);
  SmallVector<int> over(count, -1);
  for (unsigned r = 0; r + arguments < count; ++r)
    if (int under = kernel.argumentUnder(r); under >= 0)
      over[under] = arguments + r;
  for (unsigned i = 0; i < count; ++i)
    if (over[i] < 0) {
      s.argumentOf[i] = s.buffers.size();
      s.buffers.push_back(i);
    }
  for (unsigned i = 0; i < count; ++i)
    if (over[i] >= 0)
      s.argumentOf[i] = s.argumentOf[over[i]];
  return s;
}

func::FuncOp makeFunction(ModuleOp module, Location loc, unsigned buffers) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  SmallVector<Type> types(buffers + 1, LLVM::LLVMPointerType::get(b.getContext()));
  types.append(2, b.getI64Type());
  auto function = func::FuncOp::create(b, loc, "kernel", b.getFunctionType(types, {}));
  for (unsigned i = 0; i <= buffers; ++i)
    function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
  function.addEntryBlock();
  return function;
}

LogicalResult checkInPlace(const LocalKernel &kernel) {
  func::FuncOp func = kernel.get();
  for (unsigned i = 0; i < func.getNumArguments(); ++i) {
    auto attr = func.getArgAttrOfType<IntegerAttr>(i, inPlaceAttrName);
    if (attr && (attr.getInt() < 0 || attr.getInt() >= static_cast<int64_t>(func.getNumResults()) ||
                 !canShareBuffer(func, i, attr.getInt())))
      return emitError(func.getLoc())
             << "argument " << i << " of this kernel cannot lie in the buffer of result "
             << attr.getInt()
             << ": they differ in type, or an element is read after it is written; drop "
             << inPlaceAttrName;
  }
  return success();
}

} // namespace

FailureOr<EmittedKernel> emitFused(const LocalKernel &kernel, ModuleOp module) {
  std::string why;
  Operation *whyOp = nullptr;
  FailureOr<KernelSpace> space = analyseKernel(kernel.ops(), kernel.results(), why, whyOp);
  if (failed(space)) {
    (whyOp ? whyOp->emitOpError() : emitError(kernel.get().getLoc())) << why;
    return failure();
  }
  if (failed(checkInPlace(kernel)))
    return failure();
  BufferSignature signature = signatureOf(kernel);
  EmittedKernel out;
  out.buffers = signature.buffers;
  Walk walk{separate(*space)};
  for (bool first : {true, false}) {
    func::FuncOp body = makeFunction(module, kernel.get().getLoc(), signature.buffers.size());
    SmallVector<Value> buffers;
    for (int argument : signature.argumentOf)
      buffers.push_back(body.getArgument(argument));
    FusedEmitter emitter(kernel, *space, walk, body, buffers);
    out.tiles = emitter.emit();
    out.scalars = emitter.scalars.list;
    out.numbers = emitter.numbers;
    out.body = body;
    walk.groups = collapse(*space, emitter.accesses);
    walk.across = readAcross(walk.groups, emitter.accesses);
    if (!first || (walk.groups.size() == space->extents.size() && walk.across < 0))
      break;
    body.erase();
  }
  return out;
}

bool canShareBuffer(func::FuncOp kernel, unsigned argument, unsigned result) {
  SmallVector<Operation *> ops;
  for (Operation &op : kernel.front().without_terminator())
    ops.push_back(&op);
  ValueRange results = kernel.front().getTerminator()->getOperands();
  if (result >= results.size() || argument >= kernel.getNumArguments() ||
      kernel.getArgument(argument).getType() != results[result].getType())
    return false;
  std::string why;
  Operation *whyOp = nullptr;
  FailureOr<KernelSpace> space = analyseKernel(ops, results, why, whyOp);
  return succeeded(space) && readsOnlyOwnElement(*space, kernel.getArgument(argument), result);
}

} // namespace of
