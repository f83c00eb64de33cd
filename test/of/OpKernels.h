// Kernels of single ops, compiled or made in this process: what a device would run, without plan,
// tasks or memory planning.
//
// Used from code without exceptions and RTTI (the compiler's side). An object borrows its context.
#pragma once

#include "lib/Codegen/Codegen.h"
#include "runtime/kernel/Library.h"

#include <memory>

namespace of::test {

/// A tensor's part on a device, by value.
struct Buffer {
  mlir::RankedTensorType type; ///< local, without encoding
  std::vector<char> bytes;
};

Buffer makeBuffer(mlir::RankedTensorType type);
/// Bytes of one element in a buffer; a bool has one.
int64_t elementBytes(mlir::Type element);

class OpKernels {
public:
  explicit OpKernels(mlir::MLIRContext *context);
  ~OpKernels();

  /// Adds `op` with these types of operands and results, which may be distributed, at a mesh point.
  /// The op's own verifier sees the types.
  mlir::FailureOr<unsigned> add(mlir::Operation *op, mlir::TypeRange operands,
                                mlir::TypeRange results, int64_t point);

  /// Compiles what was added. Once, before any run.
  mlir::LogicalResult compile();

  std::vector<Buffer> run(unsigned kernel, llvm::ArrayRef<const Buffer *> operands,
                          int64_t microIndex) const;

private:
  struct Kernel;
  mlir::LogicalResult addRoutine(Kernel &kernel, mlir::Operation *op, int64_t point);

  KernelEmitter emitter;
  std::vector<std::unique_ptr<Kernel>> kernels;
  void *object = nullptr;
  int file = -1;
};

} // namespace of::test
