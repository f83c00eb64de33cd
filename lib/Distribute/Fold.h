// Which nodes of a distribution network are alike, so that one decision serves them all.
//
// Colour refinement: nodes of one colour have the same options at the same cost, and after each
// round also producers and users of the same colours, at the same places and as far away on the
// devices. So after r rounds they are alike as far as r steps around them; the layers of a deep
// model are, but for those near its ends, on whichever stage of a pipeline they are, if the devices
// of the stages are alike. Pure, deterministic.
#pragma once

#include "lib/Distribute/Network.h"

namespace of {

/// One entry of a value's list of users.
struct DistUse {
  size_t node;
  unsigned operand;
};

/// Who makes and who needs the values of a network.
class DistEdges {
public:
  explicit DistEdges(const DistNetwork &network);

  struct Producer {
    size_t node;
    unsigned result;
  };
  /// Producer of a node's operand; none if the value is free.
  std::optional<Producer> producer(size_t node, unsigned operand) const;
  /// In the order of the nodes.
  llvm::ArrayRef<DistUse> users(size_t node, unsigned result) const { return uses[node][result]; }

private:
  const DistNetwork &network;
  llvm::DenseMap<mlir::Value, std::pair<size_t, unsigned>> made;
  std::vector<std::vector<llvm::SmallVector<DistUse>>> uses; ///< [node][result]
};

/// The meshes of a network, and which of them are alike.
class DistMeshes {
public:
  explicit DistMeshes(const DistNetwork &network);

  /// Ordered by their devices.
  llvm::ArrayRef<MeshAttr> list() const { return meshes; }
  unsigned indexOf(MeshAttr mesh) const { return number.lookup(mesh); }

  /// Equal for meshes of the same axes whose devices are alike, and connected alike.
  int64_t kindOf(unsigned mesh) const { return kinds[mesh]; }
  /// Equal for pairs of meshes that lie equally far apart in the order and are alike, also in how
  /// they are connected; 0 is a mesh and itself.
  int64_t relationOf(unsigned from, unsigned to) const;

private:
  using Key = std::vector<int64_t>;
  Key keyOf(llvm::ArrayRef<unsigned> of) const;

  const Cluster &cluster;
  llvm::SmallVector<MeshAttr> meshes;
  llvm::DenseMap<MeshAttr, unsigned> number;
  std::vector<int64_t> kinds;
  mutable std::map<Key, int64_t> relations; ///< looked up only
  mutable std::map<std::pair<unsigned, unsigned>, int64_t> known;
};

/// How large what is left may be.
struct FoldLimits {
  size_t colours = 4000;
  /// Pairs of options, of one node of each colour with each of its operands: about what tables of
  /// costs grow with, and the time that they take.
  size_t pairs = 150'000;
};

/// The colour of each node, numbered by first appearance, after as many rounds as the limits allow.
std::vector<uint32_t> foldColours(const DistNetwork &network, const DistEdges &edges,
                                  const DistMeshes &meshes, const FoldLimits &limits);

} // namespace of
