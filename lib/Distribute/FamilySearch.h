// The best distribution of each named family (Families.h), beside the one that was found with all
// options open, or the sentence why there is none.
#pragma once

#include "lib/Distribute/Families.h"
#include "lib/Distribute/Figures.h"
#include "lib/Distribute/Search.h"

namespace of {

/// The fastest choice in which the network is of the family, with the network that was restricted
/// to it. None if `why` says why not.
std::optional<Searched> searchFamily(llvm::StringRef family, const DistNetwork &network,
                                     const Cluster &cluster, std::string &why,
                                     uint64_t work = searchWork);

/// All families over all meshes that were tried for one program.
class FamilyComparison {
public:
  explicit FamilyComparison(const Cluster &cluster) : cluster(cluster) {}

  bool isEmpty() const { return entries.empty(); }

  /// One mesh, with every option open.
  void add(const DistNetwork &network);

  /// A pipeline of so many stages, each mesh with every option open.
  void addStages(const Searched &found, int64_t stages);

  /// A remark for the choice and one for each family.
  void remark(ProgramOp program, const Searched &chosen) const;

private:
  struct Entry {
    ChoiceFigures figures;
    std::string mesh; ///< empty: no mesh had a choice of the family
    std::string why;  ///< of the last mesh that had none
  };

  const Cluster &cluster;
  std::map<llvm::StringRef, Entry> entries; ///< by name
  Entry pipeline;                           ///< the fastest
};

/// Does anybody listen to remarks of this program?
bool isExplained(ProgramOp program);

} // namespace of
