// Import: model, job and cluster become one module that holds all that later rungs need.
//
//   model.mlir ─▶ Model, model.onnx ─▶ Onnx (parse, names) ─▶ Specialize (precision, batch) ─▶ Bind
//   (data, loss, pins, stages, mesh) ─▶ module job.yaml, cluster.yaml ─▶ completed trees
//   ─────────────────────────────┘                 of.job, of.cluster
//
// Invariant on leaving: one func.func of `of` ops with static shapes for one micro-batch, every op
// with a location in the source model, an id on every random op, `of.name` on every argument, and
// both dictionaries checked against each other and the model. The module has the name of the job's
// file.
#pragma once

#include "lib/Import/Weights.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>

namespace of {

/// Name of a model argument or result, as in its source.
inline constexpr llvm::StringLiteral argumentNameAttrName = "of.name";

struct ImportOptions {
  std::string jobFile, clusterFile;
  std::string modelFile; ///< instead of the one the job names, if not empty
  /// What the file with the weights of a model will be called; the job's `initial` unless that
  /// names another.
  std::string weightsFile;
  std::vector<std::string> freeze; ///< beside those of the job
  bool forwardOnly = false;        ///< what the job says about training is left out
  int64_t microBatches = 0;        ///< of a step, where the job leaves that open; 0: not chosen
};

/// Numbers of micro-batches to choose from, ascending: of the divisors of the batch about each
/// power of two. Empty unless the job leaves the number to a search, or if it has errors, which
/// importJob emits.
std::vector<int64_t> microBatchChoices(const ImportOptions &options);

/// The module, or null after every error that was found has been emitted. The context must know the
/// `of` and `func` dialects. First values that come with the model go into `weights`, which stays
/// empty if there are none or the job names others.
mlir::OwningOpRef<mlir::ModuleOp> importJob(mlir::MLIRContext *context,
                                            const ImportOptions &options, Weights &weights);

} // namespace of
