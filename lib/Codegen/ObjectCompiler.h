// From the LLVM dialect to the bytes of a shared object.
#pragma once

#include "lib/Codegen/Lower.h"

#include <string>
#include <vector>

namespace of {

/// Optimises and compiles a module of LLVM-dialect functions and links it. Errors are emitted at
/// the module: among them a kernel that would call a function other than memcpy, memset and
/// memmove. `vectorBits` is the width that vectors should have.
mlir::FailureOr<std::vector<char>> compileSharedObject(mlir::ModuleOp module, const Isa &isa,
                                                       unsigned vectorBits);

} // namespace of
