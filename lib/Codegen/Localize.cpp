#include "lib/Codegen/Localize.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace of {

static bool same(const KernelScalar &a, const KernelScalar &b) {
  return a.kind == b.kind && a.dist == b.dist && a.shape == b.shape && a.dim == b.dim;
}

unsigned ScalarTable::indexOf(const KernelScalar &scalar) {
  for (auto [i, known] : llvm::enumerate(list))
    if (same(known, scalar))
      return i;
  list.push_back(scalar);
  return list.size() - 1;
}

std::optional<KernelScalar> offsetOf(Type logicalType, unsigned dim) {
  DistAttr dist = distOf(logicalType);
  if (!dist || !llvm::is_contained(dist.getSbp(), Sbp::split(dim)))
    return std::nullopt;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(logicalType).getShape();
  return KernelScalar{KernelScalar::Offset, dist, Shape(shape.begin(), shape.end()), dim};
}

LocalKernel::LocalKernel(func::FuncOp logical, int64_t point) {
  OpBuilder b(logical.getContext());
  auto localTypes = [&](TypeRange types) {
    return llvm::map_to_vector(types, [&](Type t) -> Type { return localTypeAt(t, point); });
  };
  auto type = b.getFunctionType(localTypes(logical.getArgumentTypes()),
                                localTypes(logical.getResultTypes()));
  func = func::FuncOp::create(logical.getLoc(), "kernel", type);
  if (ArrayAttr attrs = logical.getAllArgAttrs())
    func->setAllArgAttrs(attrs);
  Block *block = func->addEntryBlock();
  b.setInsertionPointToStart(block);
  IRMapping mapping;
  mapping.map(logical.getArguments(), block->getArguments());
  for (Operation &op : logical.front()) {
    Operation *copy = b.clone(op, mapping);
    for (Value result : copy->getResults())
      result.setType(localTypeAt(result.getType(), point));
    originals[copy] = &op;
  }
}

SmallVector<Operation *> LocalKernel::ops() const {
  SmallVector<Operation *> out;
  for (Operation &op : get().front().without_terminator())
    out.push_back(&op);
  return out;
}

ValueRange LocalKernel::results() const { return get().front().getTerminator()->getOperands(); }

int LocalKernel::argumentUnder(unsigned result) const {
  for (unsigned i = 0; i < get().getNumArguments(); ++i)
    if (auto attr = get().getArgAttrOfType<IntegerAttr>(i, inPlaceAttrName))
      if (attr.getInt() == static_cast<int64_t>(result))
        return i;
  return -1;
}

} // namespace of
