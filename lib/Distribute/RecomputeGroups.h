// What is computed again for the backward pass instead of being kept from the forward pass.
//
//   forward    x ─▶ [ a = x·w   b = relu a ] ─▶ y …                  kept: x, y; not a, b
//   backward                … dy ─▶ [ a' = x·w   b' = relu a' ] ─▶ uses of a and b
//
// A group is the part of a block (lib/Train/Blocks.h) on one mesh. Its forward ops are done again
// in one piece, in front of the first op of the backward pass that needs one of them, from what is
// kept: values that other blocks use too, what came from other devices (so no exchange is done
// again) and, where only some of it is done again, results of products and convolutions. Which
// groups it is done for, a job says or the search decides; `of.recompute` of the program has a
// level for each group. What is kept may also be kept on the host: nothing is done again then
// (of-offload). Works on programs with and without distributions. Borrows the IR.
#pragma once

#include "dialects/Of/Of.h"

#include "llvm/ADT/DenseSet.h"

#include <vector>

namespace of {

enum class Recompute {
  None,
  Selective, ///< what is neither a product nor a convolution
  Full,
  Host, ///< nothing; what is kept leaves the device until it is needed
};
inline constexpr Recompute recomputeLevels[] = {Recompute::None, Recompute::Selective,
                                                Recompute::Full, Recompute::Host};
inline constexpr size_t numRecomputeLevels = std::size(recomputeLevels);

/// Those that something may have, ascending.
using RecomputeLevels = llvm::SmallVector<Recompute, 4>;

/// "none", "selective", "full", "host".
llvm::StringRef nameOf(Recompute level);
std::optional<Recompute> recomputeOf(llvm::StringRef name);

/// Attribute of a train program: levels of its groups, in order.
inline constexpr llvm::StringLiteral recomputeAttrName = "of.recompute";

struct RecomputeGroup {
  int64_t block = 0;
  MeshAttr mesh;                            ///< null in programs that are not placed
  llvm::SmallVector<mlir::Operation *> ops; ///< of the forward pass, in program order
  /// The first op of the backward pass that needs one of their values. Null: nothing to do again;
  /// so it is in the last block, whose values are needed at once.
  mlir::Operation *needed = nullptr;
  /// By level, in program order; none where that gives nothing.
  llvm::SmallVector<mlir::Operation *> again[numRecomputeLevels];
};

class RecomputeGroups {
public:
  /// Of a program whose forward ops are numbered; else there are none.
  explicit RecomputeGroups(ProgramOp program);

  llvm::ArrayRef<RecomputeGroup> groups() const { return list; }
  llvm::ArrayRef<mlir::Operation *> again(size_t group, Recompute level) const {
    return list[group].again[static_cast<int>(level)];
  }
  /// Levels at which a group is worth looking at: those that do different things.
  RecomputeLevels levelsOf(size_t group) const;
  /// Nothing is done otherwise at this level than at `none`.
  bool isEmpty(Recompute level) const;

  /// An op of the backward pass, as far as values of groups are concerned.
  static bool isBackward(mlir::Operation *op);

  /// At this level a value of some group is not kept for the backward pass.
  bool isDropped(mlir::Value value, Recompute level) const;

private:
  bool isShared(mlir::Value value) const;
  void findAgain(RecomputeGroup &group, Recompute level) const;
  void findNeeded(RecomputeGroup &group) const;

  std::vector<RecomputeGroup> list;
  llvm::DenseMap<mlir::Operation *, size_t> groupOf;
};

} // namespace of
