// What stands behind each ONNX op: a function that builds its meaning from `of` ops.
//
// A family of ops is a table in its own file; a line is an op, the first operator set whose form
// of it is understood, and its lowering. Lowerings know the later forms by `NodeContext::opset`.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace of::onnx {

class NodeContext;

/// Of ops whose results are no floating-point numbers, or constant wherever they are continuous
/// between values that are not told apart: by definition nothing flows back.
inline constexpr bool kNoGradient = false;

struct OpEntry {
  llvm::StringLiteral name;
  int since;
  void (*build)(NodeContext &);
  bool hasGradient = true;
};

/// Newest operator set whose ops were compared with this table.
inline constexpr int kNewestOpset = 23;

llvm::ArrayRef<OpEntry> elementwiseOps();
llvm::ArrayRef<OpEntry> reductionOps();
llvm::ArrayRef<OpEntry> selectionOps();
llvm::ArrayRef<OpEntry> shapeOps();
llvm::ArrayRef<OpEntry> indexingOps();
llvm::ArrayRef<OpEntry> generatorOps();
llvm::ArrayRef<OpEntry> normalizationOps();
llvm::ArrayRef<OpEntry> convolutionOps();
llvm::ArrayRef<OpEntry> poolingOps();
llvm::ArrayRef<OpEntry> productOps();
llvm::ArrayRef<OpEntry> einsumOps();
llvm::ArrayRef<OpEntry> resizeOps();
llvm::ArrayRef<OpEntry> recurrentOps();
llvm::ArrayRef<OpEntry> lossOps();
llvm::ArrayRef<OpEntry> controlOps();
llvm::ArrayRef<OpEntry> sequenceOps();
llvm::ArrayRef<OpEntry> samplingOps();
llvm::ArrayRef<OpEntry> attentionOps();
llvm::ArrayRef<OpEntry> signalOps();
llvm::ArrayRef<OpEntry> quantizationOps();

/// The entry of an op of the default domain, or null.
const OpEntry *findOp(llvm::StringRef name);
/// All of them, family by family.
llvm::SmallVector<OpEntry> allOps();

} // namespace of::onnx
