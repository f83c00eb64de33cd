// Versions of one value: how it is had in several distributions at once.
//
//   made [P] ──▶ [S(0)] ──▶ [B]        needed [S(0)] and [B]: reduced once, then gathered
//
// A value is boxed once per distribution, from any version that is there. Which version comes from
// which is a cheapest tree from the one that is made to all that are needed; the network prices it
// and the rewriter builds it, so both must take it from here. Exact, by dynamic programming over
// sets of needs, so for a few needs only. Pure functions of the network.
#pragma once

#include "lib/Distribute/Network.h"

namespace of {

/// Sets of at most `mostVersions` of the first `count` numbers as bit masks, the empty set left
/// out, smaller sets before the larger ones that hold them.
llvm::SmallVector<uint64_t> versionSets(unsigned count, unsigned mostVersions);

/// A cheapest way to have a set of versions.
struct VersionWay {
  llvm::SmallVector<unsigned> order; ///< needs, as they are made
  std::vector<double> seconds;       ///< per step, by the mesh that a version is made for
};

class VersionTrees {
public:
  /// `sets` as by `versionSets` of the number of needs, which is at most 60.
  VersionTrees(const DistNetwork &network, mlir::Value value, llvm::ArrayRef<DistAttr> needs,
               llvm::ArrayRef<uint64_t> sets);

  /// Seconds per step of the cheapest tree to each set; infinite where there is none.
  std::vector<double> secondsFrom(DistAttr made) const;

  /// The cheapest trees to each set as far as they load meshes differently, that of `orderFrom`
  /// first; none where there is none. `meshOf` numbers the meshes of the needs, below `meshes`.
  std::vector<llvm::SmallVector<VersionWay>>
  waysFrom(DistAttr made, llvm::ArrayRef<unsigned> meshOf, unsigned meshes) const;

  /// Needs of a set in the order in which the cheapest tree has them.
  llvm::SmallVector<unsigned> orderFrom(DistAttr made, uint64_t set) const;

private:
  std::vector<double> leaves(DistAttr made) const;
  double step(uint64_t there, unsigned to, const std::vector<double> &fromMade) const;
  std::pair<double, unsigned> last(uint64_t set, const std::vector<double> &fromMade,
                                   const llvm::DenseMap<uint64_t, double> &known) const;

  const DistNetwork &network;
  mlir::Value value;
  llvm::SmallVector<DistAttr> needs;
  llvm::SmallVector<uint64_t> sets;
  std::vector<std::vector<double>> between; ///< [from][to], needs
};

/// The versions of each value in the order in which they are made; of values that are not there, as
/// `versionOrder` has it.
using VersionOrders = llvm::DenseMap<mlir::Value, llvm::SmallVector<DistAttr>>;

/// Needs of a value whose tree is looked for; where there are more they are made as listed.
inline constexpr size_t mostOrderedNeeds = 10;

/// All cheapest ways to have all needs, as `VersionTrees::waysFrom`.
llvm::SmallVector<VersionWay> versionWays(const DistNetwork &network, mlir::Value value,
                                          DistAttr made, llvm::ArrayRef<DistAttr> needs,
                                          llvm::ArrayRef<unsigned> meshOf, unsigned meshes);

/// The order in which all needs are made.
llvm::SmallVector<unsigned> versionOrder(const DistNetwork &network, mlir::Value value,
                                         DistAttr made, llvm::ArrayRef<DistAttr> needs);

/// The same as movements: from the nearest version that is there, to a need.
llvm::SmallVector<std::pair<DistAttr, DistAttr>> versionMoves(const DistNetwork &network,
                                                              mlir::Value value, DistAttr made,
                                                              llvm::ArrayRef<DistAttr> needs);

} // namespace of
