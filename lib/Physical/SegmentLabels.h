// Which compute calls of a mesh can run without a handshake in between.
//
// Each kernel gets a label on the compute stream of its mesh: how often a path to it has left that
// stream and come back (through an exchange), or changed between the rates of step and
// micro-batch. Kernels of equal (mesh, rate, label) are one segment. Every dependency between two
// segments of a stream goes to a larger label, so the tasks form no circuit; and no label is larger
// than it must be, so there are as few segments as there can be.
//
//   k1 ─▶ k2 ─▶ exchange ─▶ k4        k1, k2, k3: label 0      k4, k5: label 1
//    └──▶ k3 ───────────────▶ k5
#pragma once

#include "dialects/Task/Task.h"

#include "llvm/ADT/MapVector.h"

namespace of {

/// An op of a program, its micro-batch level flattened in.
struct PhysicalItem {
  mlir::Operation *op = nullptr;
  bool micro = false;
  int label = -1; ///< of kernels and sets
};

/// Follows views and results of of.micro to what computed a value.
mlir::Value rootOf(mlir::Value value);
/// The yielded value behind a result of of.micro; the value itself if it is none.
mlir::Value throughMicro(mlir::Value value);

/// The program's ops in order, without views and gets, with labels. Invariant on entry: it went
/// through of-fuse-kernels, and every value that is set, moved or reported is a kernel's result or a
/// register's.
struct SegmentLabels {
  explicit SegmentLabels(ProgramOp program);

  llvm::SmallVector<PhysicalItem> items;
  int64_t micros = 1;

  /// How far behind its last kernel an exchange lies, and the labels of all kernels before it:
  /// exchanges of equal keys do not depend on each other.
  struct ExchangeKey {
    llvm::SmallVector<int> labels;
    int hops = 0;
    bool operator==(const ExchangeKey &o) const { return labels == o.labels && hops == o.hops; }
  };
  ExchangeKey keyOf(BoxingOp boxing) const { return keys.lookup(boxing); }

private:
  struct State {
    llvm::SmallVector<int> labels; ///< by mesh: largest label on any path to here, -1 for none
    int mesh = -1;                 ///< mesh whose kernel computes it, -1 for registers and variables
    bool micro = false;
    int hops = 0;
  };
  void collect(mlir::Block &block, bool micro);
  State stateOf(mlir::Value value);
  void label(PhysicalItem &item);
  void labelSets();
  int meshIndex(mlir::Value value);

  llvm::MapVector<MeshAttr, int> meshes;
  llvm::DenseMap<mlir::Value, State> states;
  llvm::DenseMap<mlir::Operation *, ExchangeKey> keys;
};

} // namespace of
