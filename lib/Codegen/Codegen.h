// Generated kernels: from `of` ops on one device's part of the tensors to one shared object.
//
//   func.func of `of` ops ─▶ local shapes ─▶ loops ─▶ math expanded ─▶ LLVM IR ─▶ O3, LLD ─▶ bytes
//
// Why: elementwise, normalisation, softmax and optimizer clusters have no library routine, and one
// pass over memory is what makes them fast. The object travels in the plan, so it may import
// nothing but memcpy, memset and memmove, and the same input gives the same bytes.
//
// A kernel is a C function
//   void f(void *const *buffers, const int64_t *scalars, int64_t tileBegin, int64_t tileEnd)
// whose buffers are the arguments, then the results, each a dense row-major local tensor (bool: one
// byte, 0 or 1). Tiles [0, tiles) may run in any order and in parallel; how they are shared out
// never changes the bits.
//
// Ownership: an emitter borrows its context. One thread at a time per emitter.
#pragma once

#include "dialects/Of/Of.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <memory>
#include <string>
#include <vector>

namespace of {

/// One number a kernel needs about where and when it runs. Offset: the first logical index of the
/// device's part of a tensor of `shape` that lies as `dist`, along `dim`. MicroIndex: index of the
/// micro-batch within the step; the other fields are empty.
struct KernelScalar {
  enum Kind { Offset, MicroIndex } kind = MicroIndex;
  DistAttr dist;
  Shape shape;
  unsigned dim = 0;
};

struct GeneratedKernel {
  std::string symbol;
  /// In the order of the kernel's `scalars`.
  llvm::SmallVector<KernelScalar> scalars;
  int64_t tiles = 1;
};

struct CodegenOptions {
  /// "x86-64-v2", "x86-64-v3" or "x86-64-v4".
  std::string isa = "x86-64-v4";
  /// Vectors the compiler prefers; 0: what measured best for the isa.
  unsigned vectorBits = 0;
};

/// Adds the dialects, bufferization models and translations that code generation uses. Call it
/// where a tool makes its registry: passes may not load dialects while they run.
void registerCodegen(mlir::DialectRegistry &registry);

class KernelEmitter {
public:
  explicit KernelEmitter(mlir::MLIRContext *context, CodegenOptions options = {});
  ~KernelEmitter();

  /// Adds a kernel for the local shapes at mesh point `point` (row-major). The body of `kernel` is
  /// either one op with KernelOpInterface or LoopKernelOpInterface, or ops for which `canFuse`
  /// holds. Types may carry `#of.dist`; shapes are then logical. An argument with the attribute
  /// `of.in_place = k : i64` has the buffer of result k, which is then the one that is used (see
  /// canShareBuffer). Kernels with equal code share one symbol, which is a hash of it. Errors are
  /// emitted at the op.
  mlir::FailureOr<GeneratedKernel> add(mlir::func::FuncOp kernel, int64_t point);

  /// Begins to compile all kernels added so far, beside what the caller does next. Which of them
  /// were added before it shows in the bytes.
  mlir::LogicalResult start();

  /// The ELF bytes of a shared object with all kernels; nothing may be added after it.
  mlir::FailureOr<std::vector<char>> compile();

private:
  mlir::FailureOr<GeneratedKernel> emit(mlir::func::FuncOp kernel, int64_t point);

  struct State;
  std::unique_ptr<State> state;
};

/// Argument attribute of a kernel: index of the result that is written over it.
inline constexpr llvm::StringLiteral inPlaceAttrName = "of.in_place";

/// Can this op be part of a fused kernel at all: pointwise, a reduction, or a view that only adds
/// or drops dims of size 1.
bool isFusable(mlir::Operation *op);

/// May these ops, given in program order, be one kernel? The rule:
///  - each is fusable, and all their dims fall into one iteration space: a dim of a result is a dim
///  of the value it was computed from
///    (transposes permute, broadcasts repeat, `x + transpose(x)` of a computed x would identify two
///    dims and may not);
///  - all reductions fold the same dims of that space. What is computed from them may be broadcast
///  back over these dims and folded again (softmax,
///    layer norm): the kernel then passes over its data once for each such stage;
///  - values used outside of the group span the whole space, or all of it but the folded dims.
bool canFuse(llvm::ArrayRef<mlir::Operation *> ops);

/// May the buffer of argument `argument` be that of result `result` of this kernel: equal types,
/// and every point reads of the argument only the element it writes, before it writes it.
bool canShareBuffer(mlir::func::FuncOp kernel, unsigned argument, unsigned result);

} // namespace of
