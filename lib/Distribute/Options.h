// Options of one op: its declared signatures, joined over the mesh axes, as far as they make sense
// where it stands (see Network.h). Used by the network alone.
#pragma once

#include "lib/Distribute/Network.h"

namespace of {

class OptionBuilder {
public:
  OptionBuilder(DistNetwork &network, DistNode &node);

  /// Fills node.options; an error at the op if there are none.
  mlir::LogicalResult build();

private:
  using Joint = llvm::SmallVector<const Signature *>; ///< one per axis

  llvm::SmallVector<const Signature *> signaturesOn(unsigned axis, bool keepSplits) const;
  void addOptions(bool keepSplits);
  bool isWanted(const Signature &s, unsigned axis) const;
  bool isWished(const Signature &s, unsigned axis) const;
  int64_t splitsUndone(const Signature &s, unsigned axis) const;
  bool isPossible(const Signature &s, unsigned axis) const;
  bool isOneValueTwoWays(const Signature &s) const;
  bool operandCanBe(unsigned operand, unsigned axis, Sbp sbp) const;
  mlir::LogicalResult checkPin() const;
  bool meetsPin(const DistOption &option) const;
  bool splitsWell(const Joint &joint) const;
  std::vector<const void *> key() const;
  void addOption(const Joint &joint);
  double secondsOf(const DistOption &option) const;

  DistNetwork &network;
  DistNode &node;
  llvm::SmallVector<Signature> signatures;
  ShardingRule rule;
  Pin pin; ///< of result 0
};

} // namespace of
