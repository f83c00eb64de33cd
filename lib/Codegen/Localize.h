// A kernel as one device sees it: the same ops on local shapes, without distributions, and the
// numbers that differ between devices.
#pragma once

#include "lib/Codegen/Codegen.h"

namespace of {

/// The numbers a kernel takes, each once, in order of first use.
class ScalarTable {
public:
  /// Index of a scalar; adds it if it is new.
  unsigned indexOf(const KernelScalar &scalar);
  llvm::SmallVector<KernelScalar> list;
};

/// A copy of a kernel with local types; `func` has no parent and belongs to this object.
class LocalKernel {
public:
  LocalKernel(mlir::func::FuncOp logical, int64_t point);

  mlir::func::FuncOp get() const { return *func; }
  llvm::SmallVector<mlir::Operation *> ops() const;
  mlir::ValueRange results() const;
  /// The op with logical types that a local op came from.
  mlir::Operation *original(mlir::Operation *local) const { return originals.lookup(local); }
  /// The argument whose buffer result k is written over, or -1.
  int argumentUnder(unsigned result) const;

private:
  mlir::OwningOpRef<mlir::func::FuncOp> func;
  llvm::DenseMap<mlir::Operation *, mlir::Operation *> originals;
};

/// The first logical index of the device's part of a value along a dim: null if it is 0 on all
/// devices.
std::optional<KernelScalar> offsetOf(mlir::Type logicalType, unsigned dim);

} // namespace of
