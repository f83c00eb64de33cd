// `--explain`: the compiler's choices, for people. Each is a remark of MLIR; this prints them as
// they are made.
//
//   chosen    1.13 s per step, about 213156308 bytes of a device, ..., mesh {data: 8}
//   data      ...                   the best of each named family, or why there is none
//   model.mlir:8:9: of.matmul on main
//     chosen  [S(0)] [B] -> [S(0)]   12.3 us
//     other   [B] [B] -> [B], 24 us
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

namespace of {

/// From now on writes every choice of the context's passes, or only answers to what was asked, to
/// `out`, which must live as long as the context. Once for a context.
mlir::LogicalResult explainTo(mlir::MLIRContext &context, llvm::raw_ostream &out, bool onlyAnswers);

/// The bytes that each device needs, of a module at rung schedule: those of its chunk.
void explainMemory(mlir::ModuleOp module, llvm::raw_ostream &out);

} // namespace of
