// Blocks of a model: the pieces that a search of pipeline stages may put together.
//
// `of-mark-blocks` numbers them with `of.stage`, so that everything that is built from an op, its
// gradient and the update of its parameter, has the number too, and says with `of.blocks` that
// these are blocks and not yet stages. Which blocks make a stage, lib/Distribute decides.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace of {

/// Of a module whose `of.stage` are blocks.
inline constexpr llvm::StringLiteral blocksAttrName = "of.blocks";

/// Number of its block on each forward op of the train program, where blocks may be computed again
/// for the backward pass (lib/Distribute/RecomputeGroups.h). Gradients have none.
inline constexpr llvm::StringLiteral forwardBlockAttrName = "of.block";

/// On forward ops whose values are kept on the host for the backward pass.
inline constexpr llvm::StringLiteral hostAttrName = "of.host";

inline bool hasBlocks(mlir::ModuleOp module) { return module->hasAttr(blocksAttrName); }

/// The block of each op of a model, by position: numbers from 0 that never fall.
///
/// A block ends where few values go on, counting what is computed and needed again, parameters
/// apart: in a small model anywhere, else at one value if that cuts it often enough, or at two,
/// three or four. And where enough was done: a part in 128 of the model's operations, or of its
/// parameters' bytes.
std::vector<int64_t> blocksOf(mlir::func::FuncOp model);

/// The block of each op of a model that may be computed again for the backward pass, likewise.
///
/// Such a block ends where one value goes on, or the least number of values that leaves no more
/// than half of the model between two ends, and before the next product or convolution.
std::vector<int64_t> forwardBlocksOf(mlir::func::FuncOp model);

} // namespace of
