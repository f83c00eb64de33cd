// Runs the programs of a module op by op on every device of their meshes, all in this process: what
// distributed types mean, without tasks, plan or runtime. A module without distributions runs on
// one device.
//
// Boxings are carried out by the pieces of runtime/base/Exchange.h. Copies of a value that should
// be equal are checked to be so. Variables and batches are given as whole tensors. Not thread-safe.
#pragma once

#include "test/of/Values.h"

#include "llvm/ADT/StringMap.h"

namespace of::test {

/// A value as it lies: one part per point of its mesh, or the whole.
using Parts = std::vector<Buffer>;

class Interpreter {
public:
  /// Borrows the module. `firstValue(name, type)` gives variables and batches.
  using Source = llvm::function_ref<Buffer(llvm::StringRef, mlir::RankedTensorType)>;

  explicit Interpreter(mlir::ModuleOp module) : module(module), kernels(module.getContext()) {}

  /// Compiles every op of these programs for every point. Once, before any run.
  mlir::LogicalResult compile(llvm::ArrayRef<llvm::StringRef> programs);
  void setVariables(Source source);
  /// One iteration; the source is asked for field i of the n-th read as "dataset.i.n".
  mlir::LogicalResult run(llvm::StringRef program, Source source);

  /// Variables now, whole, in the order of the module.
  std::vector<std::pair<std::string, Buffer>> variables();
  /// Scalars that metrics got, in order.
  const std::vector<double> &metrics() const { return metricValues; }

private:
  mlir::FailureOr<unsigned> kernelFor(mlir::Operation *op, int64_t point);
  mlir::LogicalResult runBlock(mlir::Block &block, Source source, int64_t micro);
  mlir::LogicalResult runOp(mlir::Operation &op, Source source, int64_t micro);
  mlir::LogicalResult runMicro(MicroOp op, Source source);
  mlir::LogicalResult runKernels(mlir::Operation &op, int64_t micro);
  const Parts &partsOf(mlir::Value v) const { return values.find(v)->second; }

  mlir::ModuleOp module;
  OpKernels kernels;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<unsigned>> kernelsOf; ///< by point
  llvm::StringMap<unsigned> kernelsByKey;
  llvm::StringMap<Buffer> variableValues;
  llvm::DenseMap<mlir::Value, Parts> values;
  std::vector<double> metricValues;
  int64_t reads = 0;
};

} // namespace of::test
