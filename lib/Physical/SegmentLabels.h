// Which compute calls of a mesh can run without a handshake in between.
//
// Each kernel gets a label: how often the longest path to it was handed from stream to stream, by
// exchanges, by copies to the host and back, and by changes between the rates of step and
// micro-batch. Kernels of equal (mesh, rate, label) are one segment. Every dependency between two
// segments, of whatever meshes, goes to a larger label, so the tasks form no circuit.
//
//   k1 ─▶ k2 ─▶ exchange ─▶ k4        k1, k2, k3: label 0      k4, k5: label 1
//    └──▶ k3 ───────────────▶ k5
//
// A kernel that only later segments of its mesh read is part of the first of them, unless what it
// reads would then have to be kept and is more than what it gives.
//
// Step kernels before and after the micro-batches are never one segment: it would wait for
// micro-batches that wait for it.
#pragma once

#include "dialects/Task/Task.h"

#include "llvm/ADT/MapVector.h"

namespace of {

/// An op of a program, its micro-batch level flattened in.
struct PhysicalItem {
  mlir::Operation *op = nullptr;
  bool micro = false;
  bool afterMicro = false; ///< a step's op that waits for micro-batches
  int label = -1;          ///< of kernels and sets
  bool late = false;       ///< of kernels: in the segment behind that of its label
};

/// Follows views and results of of.micro to what computed a value.
mlir::Value rootOf(mlir::Value value);
/// The yielded value behind a result of of.micro; the value itself if it is none.
mlir::Value throughMicro(mlir::Value value);

/// The program's ops in order, without views and gets, with labels. Invariant on entry: the program
/// went through prepareForTasks (TaskInputs.h).
struct SegmentLabels {
  explicit SegmentLabels(ProgramOp program);

  /// Micro-batch kernels that no exchange waits for become segments of their own, behind those of
  /// their label that some exchange waits for: gradients of parameters mostly. Nothing in a
  /// micro-batch waits for them but such as they.
  void delayUnawaited();
  /// What is or would be late.
  llvm::SmallVector<PhysicalItem *> unawaited();

  llvm::SmallVector<PhysicalItem> items;
  int64_t micros = 1;

  /// Largest label before an exchange, how many exchanges it lies behind that, and its phase:
  /// exchanges of equal keys do not depend on each other.
  struct ExchangeKey {
    int label = -1, hops = 0;
    bool micro = false, afterMicro = false;
    bool operator==(const ExchangeKey &o) const {
      return label == o.label && hops == o.hops && micro == o.micro && afterMicro == o.afterMicro;
    }
  };
  ExchangeKey keyOf(BoxingOp boxing) const { return keys.lookup(boxing); }

private:
  struct State {
    int label = -1; ///< largest on any path to here, -1 for none
    MeshAttr mesh;  ///< whose kernel computes it, null for registers and variables
    bool micro = false, afterMicro = false;
    int hops = 0;
  };
  void collect(mlir::Block &block, bool micro);
  State stateOf(mlir::Value value) const { return states.lookup(rootOf(value)); }
  llvm::SmallVector<State> statesOf(mlir::Value value) const;
  void label(PhysicalItem &item);
  void delayKept();
  void labelSets();

  llvm::DenseMap<mlir::Value, State> states;
  llvm::SmallVector<mlir::Value> yields;
  llvm::DenseMap<mlir::Operation *, ExchangeKey> keys;
};

} // namespace of
