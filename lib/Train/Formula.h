// Where the ops of a program come from: locations and tags of what is written with Formula.
#pragma once

#include "dialects/Of/Formula.h"

namespace of {

/// A location that leads to `loc` under a name made of its own and `suffix`: "h1" -> "h1.grad".
mlir::Location derivedLoc(mlir::Location loc, llvm::StringRef suffix);

/// Calls `build` and hands every op it added to the end of `block` to `tag`, in order.
void tagNewOps(mlir::Block *block, llvm::function_ref<void()> build,
               llvm::function_ref<void(mlir::Operation *)> tag);

} // namespace of
