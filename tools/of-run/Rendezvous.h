// Which node this process is and where node 0 is found, from what started it.
//
//   flags         --node, --peers                                   before everything else
//   torchrun      RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT        also Kubeflow's jobs
//   Open MPI      OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_SIZE          node 0 here, if all are here
//   Slurm         SLURM_PROCID, SLURM_NTASKS, SLURM_JOB_NODELIST    node 0 on the first host; here,
//                                                                   if SLURM_NNODES is 1
//   Kubernetes    JOB_COMPLETION_INDEX, MASTER_ADDR                 an indexed job
//
// The first of them whose rank is set counts; a flag replaces only what it says. Pure but for the
// environment, which is a parameter.
#pragma once

#include "runtime/base/Status.h"

#include <functional>
#include <optional>
#include <string>

namespace of::run {

/// Where the secret is found that joining a job needs, unless a file holds it.
inline constexpr const char *kTokenVariable = "OF_JOB_TOKEN";

using Environment = std::function<const char *(const char *)>;

struct Rendezvous {
  std::string launcher; ///< "Slurm"; empty: nothing was found
  std::optional<uint32_t> rank, size;
  std::string rootHost; ///< empty: unknown
  std::optional<uint16_t> rootPort;
};

/// InvalidArgument for a variable that is no number.
Result<Rendezvous> findRendezvous(const Environment &environment);

/// The first host of a list as Slurm writes it: "n[07-12,20],m1" begins with n07.
std::string firstHost(const std::string &nodeList);

} // namespace of::run
