// The choice of distributions as a cost network that lib/Search solves.
//
//   DistNode, DistNode, ...   ops that are alike, with alike surroundings, are one node: their
//                             seconds add up and they get one option
//   value with one user       an edge: seconds of the boxing
//   value with several users  a node of its own, whose options are the sets of versions that are
//                             there: its producer pays for making them, each user needs its own;
//                             a node for each mesh where there are too many sets of all
//
// Where memory is limited (SearchMemory.h) every value has such a node: it is what uses bytes, from
// its producer to its last user in program order. Variables, and what exchanges read and write, are
// always there, as the packer has them; what is yielded is there together. Of folded values as many
// count as live at one time. A node then knows how its value is made too, unless that gives too
// many options.
//
// Of several meshes the costs are known apart too (CostPart), so that they can be weighed.
// What may be computed again is a choice of the same network (RecomputeProblem.h).
//
// So a value that is boxed once for many users is counted once, exactly as the rewriter has it
// (Versions.h). Surroundings are looked at as far as the size of the network allows: a small model
// is not folded at all, a deep one is folded where its layers repeat. Borrows the DistNetwork.
#pragma once

#include "lib/Distribute/Choose.h"
#include "lib/Distribute/Fold.h"
#include "lib/Distribute/RecomputeProblem.h"
#include "lib/Search/CostNetwork.h"

namespace of {

struct SearchProblemOptions {
  FoldLimits fold;                ///< folded until the network is no larger
  unsigned fewNodes = 100;        ///< networks as small are taken as they are: nothing is left out
  unsigned mostVersionSets = 400; ///< of a value with several users, beyond sets of two
  unsigned mostWeighed = 400;     ///< nodes of a network whose meshes can be weighed
  std::optional<int64_t> memoryLimit; ///< bytes of a device
};

/// What one mesh adds to the costs of a node or an edge.
struct CostPart {
  bool isEdge = false;
  uint32_t index = 0;
  unsigned load = 0; ///< twice the number of the mesh, plus 1 for what is done once per step
  std::vector<double> costs;
};

class SearchProblem {
public:
  explicit SearchProblem(const DistNetwork &network, SearchProblemOptions options = {});

  const search::CostNetwork &costs() const { return problem; }

  /// The meshes by number, ordered by their devices.
  llvm::ArrayRef<MeshAttr> meshes() const { return meshList; }
  /// The costs with those of each load (CostPart) times its weight; of several meshes only.
  search::CostNetwork weighed(llvm::ArrayRef<double> weights) const;

  /// The option of each DistNode.
  DistChoice choiceOf(const search::Choice &choice) const;
  /// The level of each group that may be computed again.
  RecomputeChoice levelsOf(const search::Choice &choice) const;
  /// Nodes of the cost network that decide what is computed again; they follow those of `nodeOf`.
  size_t numRecomputed() const { return again->numNodes(); }
  /// The node of the cost network that a DistNode is part of.
  uint32_t nodeOf(size_t distNode) const { return classOf[distNode]; }

  /// The DistNode that runs at a time of the cost network's clock.
  size_t nodeAt(int64_t time) const;

private:
  const DistNetwork &network;
  search::CostNetwork problem;
  llvm::SmallVector<MeshAttr> meshList;
  std::vector<CostPart> parts;   ///< empty of one mesh
  std::vector<uint32_t> classOf; ///< by DistNode
  std::optional<RecomputeProblem> again;
  friend class ProblemBuilder;
};

} // namespace of
