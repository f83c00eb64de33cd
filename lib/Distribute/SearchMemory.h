// Bytes in the cost network: which nodes of it use them, how many, and when.
//
//   class of nodes        what they make, until its versions are there; variables always
//   value (hub)           what takes turns with values that do not live at the same time
//   node tied to a hub    registers, which exchanges read and write, at all times; the same bytes
//   on
//                         another mesh
//   product               of a hub's bytes and of how many members are kept (RecomputeProblem.h)
//
// Each mesh has rows of its own: a clock with a tick for each node of the network, one mesh after
// the other. Borrows everything it is given.
#pragma once

#include "lib/Distribute/Fold.h"
#include "lib/Distribute/Lives.h"
#include "lib/Distribute/RecomputeProblem.h"
#include "lib/Search/CostNetwork.h"

#include <map>
#include <tuple>

namespace of {

/// A place that needs a value: operand of all nodes of a class that lie on one mesh.
struct UserPlace {
  uint32_t of;
  unsigned operand, mesh;

  bool operator<(const UserPlace &other) const {
    return std::tie(of, operand, mesh) < std::tie(other.of, other.operand, other.mesh);
  }
  bool operator==(const UserPlace &other) const {
    return of == other.of && operand == other.operand && mesh == other.mesh;
  }
};

/// Where a value is computed again or kept: its life ends with the forward pass, in between it
/// may be kept, and then it is there again.
struct KeptValue {
  std::vector<RecomputeProblem::Gap> gaps; ///< of the members, one for each life in `lives`
  DistLives lives, after;
};
/// A value that stands for all that are made and needed at the same places, seen from where they
/// are made.
struct ValueClass {
  size_t producer;
  unsigned result;
  std::vector<UserPlace> users;             ///< of the first member
  int64_t count = 0;                        ///< members
  std::map<unsigned, int64_t> homes = {};   ///< members by mesh that makes them
  std::map<unsigned, DistLives> lives = {}; ///< where they are made, by mesh
  /// Where users are on other meshes, by mesh and by how far behind the maker's that is.
  std::map<std::pair<unsigned, int>, DistLives> livesElsewhere = {};
  std::map<unsigned, KeptValue> kept = {}; ///< by mesh; the same in all members
};

/// How a hub counts the value as it is made: itself; as one that is exchanged for sure; not at
/// all, since another hub does.
enum class OwnBytes { Counted, Exchanged, Elsewhere };

class SearchMemory {
public:
  SearchMemory(search::CostNetwork &problem, const DistNetwork &network, const DistMeshes &meshes,
               const std::vector<uint32_t> &classOf, const std::vector<size_t> &representative,
               const std::optional<RecomputeProblem> &again)
      : problem(problem), network(network), meshes(meshes), classOf(classOf),
        representative(representative), again(again) {}

  /// Comes first; classes are known.
  void findRows();
  /// Of the value of a node; `last`: the last node that needs it, by mesh, its own included; `gap`:
  /// null where it is in use all the time.
  void addLives(ValueClass &value, size_t n, const std::map<unsigned, int64_t> &last,
                const RecomputeProblem::Gap *gap) const;
  /// Of a value whose hub has an option for each of the ways to be made and each set of versions.
  void addUsages(const ValueClass &value, llvm::ArrayRef<DistAttr> needs,
                 llvm::ArrayRef<uint64_t> sets, llvm::ArrayRef<DistAttr> ways, uint32_t hub,
                 OwnBytes counted);
  /// Of the classes.
  void addOwnUsages();

private:
  const DistNode &node(size_t n) const { return network.nodes()[n]; }
  unsigned meshOf(size_t n) const { return meshes.indexOf(node(n).mesh); }
  void addLife(DistLives &lives, size_t n, int64_t last, unsigned mesh) const;
  void addLifeWithGap(ValueClass &value, size_t n, int64_t last, const RecomputeProblem::Gap &gap,
                      unsigned mesh) const;
  uint64_t neededBackward(const ValueClass &value, llvm::ArrayRef<DistAttr> needs) const;
  std::pair<int64_t, int64_t> waitingBytes(const ValueClass &value, llvm::ArrayRef<DistAttr> needs,
                                           uint64_t set, DistAttr made) const;
  /// Of lives, one for each micro-batch under way, those that are not the first of their member.
  int64_t moreUnderWay(int64_t lives, unsigned mesh) const {
    return lives / underWay[mesh] * (underWay[mesh] - 1);
  }
  int64_t addVersionBytes(const ValueClass &value, llvm::ArrayRef<DistAttr> needs, uint64_t set,
                          DistAttr made, std::map<unsigned, int64_t> &boxed) const;
  void addShares(const ValueClass &value, llvm::ArrayRef<int64_t> shares, uint32_t hub,
                 bool isKept);
  llvm::SmallVector<int64_t> keptByWay(const KeptValue &kept) const;
  void addWaiting(const KeptValue &kept, llvm::ArrayRef<int64_t> bytes, uint32_t hub,
                  unsigned mesh);
  void addKept(const ValueClass &value, const KeptValue &kept, llvm::ArrayRef<int64_t> shares,
               uint32_t hub, uint32_t carrier, unsigned mesh);
  void addProduct(llvm::ArrayRef<int64_t> bytes, llvm::ArrayRef<int64_t> counts, uint32_t a,
                  uint32_t b, unsigned mesh, const DistLives *lives);
  std::optional<uint32_t> addTied(llvm::ArrayRef<int64_t> bytes, uint32_t hub, unsigned mesh,
                                  const DistLives *lives);
  void setLife(uint32_t n, const DistLives &lives, unsigned mesh, bool always);
  int64_t clock() const { return static_cast<int64_t>(network.nodes().size()); }
  int64_t begin(unsigned mesh) const { return mesh * (clock() + 1); }
  int64_t estimated(int64_t bytes) const;
  int64_t ownBytes(const DistNode &node, const DistOption &option) const;

  search::CostNetwork &problem;
  const DistNetwork &network;
  const DistMeshes &meshes;
  const std::vector<uint32_t> &classOf;      ///< by node
  const std::vector<size_t> &representative; ///< a node of each class
  const std::optional<RecomputeProblem> &again;
  std::vector<int64_t> underWay; ///< micro-batches, by mesh
  std::vector<bool> hasRows;     ///< by mesh
  /// The first node of a micro-batch on the last mesh: gradients come back from it.
  size_t turn = 0;
};

} // namespace of
