// ONNX ops that are not imported on purpose, and why: what a refusal says, and the reference page.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace of::onnx {

struct UnsupportedOp {
  llvm::StringLiteral name;
  llvm::StringLiteral why; ///< behind "it "
};

/// By reason.
llvm::ArrayRef<UnsupportedOp> unsupportedOps();

/// Why an op that has no entry in OpTable is refused.
llvm::StringRef whyUnsupported(llvm::StringRef name);

} // namespace of::onnx
