// Reads an ONNX model as a single-device model of `of` ops.
//
// All shapes are fixed at once: the batch is that of a micro-batch, other open dims are those of
// the job's fields, so that shape arithmetic folds away while the graph is walked.
#pragma once

#include "lib/Import/Weights.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <optional>
#include <string>

namespace of::onnx {

struct TensorProto;

struct ModelRequest {
  std::string file;
  int64_t rows = 1; ///< of a micro-batch; 0: inputs have the dims that the model gives them
  /// Dims of one sample of an input, where the job says them.
  std::function<std::optional<std::vector<int64_t>>(llvm::StringRef input)> sampleShape = nullptr;
  /// The value of an input that is fixed now, or null; it lives as long as the weights.
  std::function<const TensorProto *(llvm::StringRef input)> known = nullptr;
};

/// The model, one func.func with names as locations, or null after errors. Initialisers that are
/// weights become parameters, whose first values go into `weights`.
mlir::OwningOpRef<mlir::ModuleOp> readModel(mlir::MLIRContext *context, const ModelRequest &request,
                                            Weights &weights);

/// True for names of ONNX files.
inline bool isOnnx(llvm::StringRef file) { return file.ends_with_insensitive(".onnx"); }

} // namespace of::onnx
