// From a local kernel to a function of loops over buffers. The two kinds of kernel end in the same
// form:
//   func.func @body(%buffer...: ptr or memref {llvm.noalias}, %number...: i64, %scalars: !llvm.ptr,
//   %begin: i64, %end: i64)
#pragma once

#include "lib/Codegen/Localize.h"

#include "mlir/IR/BuiltinOps.h"

namespace of {

struct EmittedKernel {
  mlir::func::FuncOp body;
  /// Which of the kernel's buffers each leading argument is.
  llvm::SmallVector<unsigned> buffers;
  /// What is given for the arguments behind the buffers.
  llvm::SmallVector<int64_t> numbers;
  llvm::SmallVector<KernelScalar> scalars;
  int64_t tiles = 1;
};

/// Emits into the module; the ops of the kernel satisfy canFuse, or there is an error at one of
/// them.
mlir::FailureOr<EmittedKernel> emitFused(const LocalKernel &kernel, mlir::ModuleOp module);

/// A kernel of one op with KernelOpInterface or LoopKernelOpInterface.
mlir::FailureOr<EmittedKernel> emitKernelOp(const LocalKernel &kernel, mlir::ModuleOp module);

/// The type in which elements lie in memory: bool as i8, integers without sign.
mlir::Type storageType(mlir::Type element);

/// A scalar of the table, loaded where the function starts, as i64.
mlir::Value loadScalar(mlir::OpBuilder &b, mlir::Value scalarsPtr, unsigned index);

} // namespace of
