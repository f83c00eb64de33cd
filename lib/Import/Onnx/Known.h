// What holds for all elements of a value that is known now.
#pragma once

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/STLExtras.h"

namespace of::onnx {

/// Whether it holds for every integer. One that stands for all is asked once: a few bytes of a file
/// can say 2^40 of them.
inline bool everyInt(mlir::DenseElementsAttr elements,
                     llvm::function_ref<bool(const llvm::APInt &)> holds) {
  if (elements.isSplat())
    return holds(elements.getSplatValue<llvm::APInt>());
  return llvm::all_of(elements.getValues<llvm::APInt>(), holds);
}

} // namespace of::onnx
