// From functions of loops to the LLVM dialect.
#pragma once

#include "mlir/IR/BuiltinOps.h"

namespace of {

/// What a generation of x86-64 gives a kernel.
struct Isa {
  llvm::StringRef name;
  bool fma;
  unsigned vectorBits;
};

/// The isa of this name, or null.
const Isa *findIsa(llvm::StringRef name);

/// Loads the dialects and registers the interfaces that code generation uses.
void prepareContext(mlir::MLIRContext *context);

/// Linalg on tensors in the functions of a module becomes loops over memrefs. Results must be
/// materialised in given buffers.
mlir::LogicalResult bufferizeToLoops(mlir::ModuleOp module);

/// Everything in the module becomes the LLVM dialect.
mlir::LogicalResult lowerToLLVM(mlir::ModuleOp module, const Isa &isa);

} // namespace of
