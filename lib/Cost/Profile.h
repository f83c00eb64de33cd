// What a run has measured (of-run --profile), for compiling the same job again.
//
//   FILE ─readProfile─▶ of.profile on the module ─┬─ clusterOf: links between hosts at the rate
//   they had
//                                                  └─ TaskCost: tasks and exchanges of the same
//                                                  name and work
//
// Links are known to a cluster whatever the plan was, so that the search has them too; tasks and
// exchanges belong to a plan and are taken where this one has them again. Plain values.
#pragma once

#include "lib/Cost/Cluster.h"

#include <map>
#include <string>

namespace of {

inline constexpr llvm::StringLiteral profileAttrName = "of.profile";

/// What tells a task from another of the same name.
struct ProfiledWork {
  double flops = 0, bytes = 0;
  bool operator==(const ProfiledWork &o) const { return flops == o.flops && bytes == o.bytes; }
};

struct Profile {
  struct Task {
    ProfiledWork work;
    double seconds = 0;
  };
  struct Link {
    std::string from, to; ///< nodes
    double bytes = 0;     ///< of one transfer
    double seconds = 0;   ///< of one transfer
  };
  std::string job;
  std::map<std::pair<std::string, std::string>, Task> tasks;       ///< by program and name
  std::map<std::pair<std::string, std::string>, double> exchanges; ///< seconds between hosts
  std::vector<Link> links;

  /// Seconds of a task that does the same; nothing if there is none.
  std::optional<double> taskSeconds(const std::string &program, const std::string &task,
                                    const ProfiledWork &work) const;
  /// Seconds that an exchange was under way between hosts.
  std::optional<double> exchangeSeconds(const std::string &program,
                                        const std::string &exchange) const;
};

/// The keys of a profile.
config::Key profileKeys();

/// Reads a file of of-run into the module's attribute. Emits what is wrong at its place.
mlir::LogicalResult readProfile(mlir::ModuleOp module, const std::string &file);

/// The module's profile; none if it has none.
mlir::FailureOr<std::optional<Profile>> profileOf(mlir::ModuleOp module);

/// The cluster a module is compiled for as it was given; `clusterOf` has the links of the module's
/// profile.
mlir::FailureOr<Cluster> givenClusterOf(mlir::ModuleOp module);

/// A resource whose rate was measured.
struct CorrectedLink {
  std::string from, to;
  double givenBytesPerSecond = 0, bytesPerSecond = 0;
};

/// Gives the narrowest resource between two nodes the rate that transfers between them had, of
/// several links over one resource that of the slowest. A run sees no less than a fraction of a
/// millisecond, so links whose transfers should take and took less are left as they are. Pairs of
/// nodes that the cluster does not have are left out.
std::vector<CorrectedLink> correctLinks(Cluster &cluster, const Profile &profile);

} // namespace of
