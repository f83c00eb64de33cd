// From the LLVM dialect to the bytes of a shared object.
#pragma once

#include "lib/Codegen/Lower.h"

#include "llvm/Support/ThreadPool.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace of {

/// Optimises and compiles modules of LLVM-dialect functions, several at a time, and links them.
/// Errors are emitted where the object was made, by `finish`: among them a kernel that would call a
/// function other than memcpy, memset and memmove. The same modules in the same order give the same
/// bytes, on however many cores. One thread calls. Without `finish` what has not begun is given up.
class ObjectCompiler {
public:
  /// `vectorBits` is the width that vectors should have.
  ObjectCompiler(mlir::Location loc, const Isa &isa, unsigned vectorBits);
  ~ObjectCompiler();

  /// Translates the module, which is not needed afterwards, and has it compiled.
  mlir::LogicalResult add(mlir::ModuleOp module);

  /// Waits for all and links them.
  mlir::FailureOr<std::vector<char>> finish();

private:
  struct Part;
  mlir::Location loc;
  const Isa &isa;
  unsigned vectorBits;
  std::vector<std::unique_ptr<Part>> parts;
  std::atomic<bool> isGivenUp = false;
  llvm::DefaultThreadPool threads; ///< goes first, and waits for those that use the parts
};

} // namespace of
