// Distributions that a user gave: `of.pin = {data = "S(0)", model = "B"}`.
//
// On an axis of one device every distribution is the same, so pins there say nothing: the same job
// serves every cluster. Pure functions.
#pragma once

#include "dialects/Of/Of.h"

#include "llvm/ADT/StringMap.h"

namespace of {

/// One entry per mesh axis, empty where the pin leaves it open.
using Pin = llvm::SmallVector<std::optional<Sbp>>;

/// "S(0)", "B" or "P"; nothing for another text.
std::optional<Sbp> parseSbp(llvm::StringRef text);

/// The pin of an op or variable whose value has this type; all open if it has none. Errors at the
/// op: an unknown axis, a text that is no SBP, a dim the value does not have.
mlir::FailureOr<Pin> pinOf(mlir::Operation *op, mlir::RankedTensorType type, MeshAttr mesh);

/// Distribution of each variable: broadcast unless pinned. Uses `of.placement`.
mlir::FailureOr<llvm::StringMap<DistAttr>> variableDistributions(mlir::ModuleOp module);

/// On each axis whole or split on one of the first `dims` dims of a tensor, in all combinations, as
/// far as every device has something of it. The first is whole.
llvm::SmallVector<NdSbp> splitChoices(llvm::ArrayRef<int64_t> shape, MeshAttr mesh, unsigned dims);

/// What each variable may lie as: on each axis as pinned, or whole or split. Errors as
/// `variableDistributions`.
mlir::FailureOr<llvm::StringMap<llvm::SmallVector<NdSbp>>> variableChoices(mlir::ModuleOp module);

/// The same for a mesh that nothing is placed on yet, pins apart.
llvm::StringMap<llvm::SmallVector<NdSbp>> variableChoices(mlir::ModuleOp module, MeshAttr mesh);

/// The distribution with what is pinned put in.
NdSbp withPin(NdSbp sbp, const Pin &pin);

} // namespace of
