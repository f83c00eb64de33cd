// The search: the fastest distribution of every tensor, nothing given but pins.
//
// The train program decides: its variables are open and chosen with everything else; other programs
// take them as they are. Where the mesh is open too, each shape is searched and the fastest wins.
#pragma once

#include "lib/Config/Job.h"
#include "lib/Distribute/Choose.h"
#include "lib/Distribute/Requests.h"
#include "lib/Search/CostNetwork.h"

namespace of {

/// What was found for one program.
struct SearchedChoice {
  DistChoice choice;
  RecomputeChoice levels; ///< of what is computed again
  double seconds = 0;     ///< per step; of several meshes that of the pipeline they are
  double lowerBound = 0;  ///< no choice takes less
  /// Nor does one with more memory; none if that is not known.
  std::optional<double> freeBound;
  int64_t bytes = 0; ///< of a device at the peak, as far as the search can tell; 0: not limited
  bool isLimited = false; ///< with more memory there may be a faster one
  int round = 0;          ///< quarters of its memory that a device was taken to have beside it

  /// What was estimated to fit comes first, then what is faster.
  bool isBetterThan(const SearchedChoice &other) const {
    return round != other.round ? round < other.round : seconds < other.seconds * (1 - 1e-9);
  }
};

/// With the network that it is a choice of. Borrows the IR.
struct Searched : SearchedChoice {
  explicit Searched(DistNetwork network) : network(std::move(network)) {}
  DistNetwork network;
};

/// Why a network was not solved.
struct SearchFailure {
  std::string error;            ///< of the solver; empty: nothing fits
  std::optional<size_t> node;   ///< of the network: it has no option that its neighbours can take
  std::optional<int64_t> limit; ///< bytes of a device that were too few
  std::optional<search::UsagePeak> usage; ///< at least so many are in use at one time,
  std::optional<size_t> usageNode;        ///< while this node of the network runs
};

/// The least memory of a device that the network's ops run on; none if no device says.
std::optional<int64_t> memoryLimit(const DistNetwork &network, const Cluster &cluster);

/// Work of one solution, at most: some seconds.
inline constexpr uint64_t searchWork = 3'000'000'000;

/// Times that the memory of a device is taken for a quarter more than it is, where nothing fits:
/// the estimate may be above what the packer needs, which has the last word.
inline constexpr int mostRounds = 4;

/// Chooses in `out.network`, within `limit` bytes of a device. False if `failure` says why not.
bool solveNetwork(std::optional<int64_t> limit, Searched &out, SearchFailure &failure,
                  uint64_t work = searchWork, int rounds = mostRounds);

/// The shape of a mesh: "outer: 4, inner: 2".
std::string shapeText(MeshAttr mesh);

/// Chooses in the open network of one program. Errors at an op that has no option left.
mlir::FailureOr<Searched> searchProgram(ProgramOp program, DistNetwork network,
                                        const Cluster &cluster, int rounds = mostRounds);

/// Chooses mesh and distributions for a placed module and writes them, and answers what was asked.
/// On return `variables` has all variables.
mlir::LogicalResult searchModule(mlir::ModuleOp module, const Job &job, const Cluster &cluster,
                                 BoxingPlanner &planner, const SearchRequests &requests,
                                 llvm::StringMap<DistAttr> &variables);

} // namespace of
