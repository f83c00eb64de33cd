// The `of` dialect: include this to work with its ops, types and interfaces. OfOps.td and its
// families are the specification.
#pragma once

#include "dialects/Of/Kernel.h"
#include "dialects/Of/Sharding.h"
#include "runtime/base/Geometry.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Of/OfDialect.h.inc"
#include "dialects/Of/OfEnums.h.inc"
#include "dialects/Of/OfInterfaces.h.inc"

namespace of {
inline llvm::hash_code hash_value(const Sbp &sbp) {
  return llvm::hash_combine(static_cast<unsigned>(sbp.kind), sbp.dim);
}
} // namespace of

#define GET_ATTRDEF_CLASSES
#include "dialects/Of/OfAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/Of/OfOps.h.inc"
