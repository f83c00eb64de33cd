#include "tools/of-run/Rendezvous.h"

#include <catch2/catch.hpp>

#include <map>

using namespace of;
using namespace of::run;

namespace {

Result<Rendezvous> find(const std::map<std::string, std::string> &variables) {
  return findRendezvous([&](const char *name) -> const char * {
    const auto it = variables.find(name);
    return it == variables.end() ? nullptr : it->second.c_str();
  });
}

} // namespace

TEST_CASE("without a launcher nothing is found") {
  const auto found = find({{"MASTER_ADDR", "h0"}, {"WORLD_SIZE", "4"}});
  REQUIRE(found.isOk());
  REQUIRE(found->launcher.empty());
  REQUIRE_FALSE(found->rank);
}

TEST_CASE("each launcher says the rank, the size and where node 0 is") {
  const auto torchrun =
      find({{"RANK", "2"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "h0"}, {"MASTER_PORT", "29500"}});
  REQUIRE(torchrun->launcher == "torchrun");
  REQUIRE(torchrun->rank == 2u);
  REQUIRE(torchrun->size == 4u);
  REQUIRE(torchrun->rootHost == "h0");
  REQUIRE(torchrun->rootPort == uint16_t(29500));

  const auto slurm = find(
      {{"SLURM_PROCID", "3"}, {"SLURM_NTASKS", "8"}, {"SLURM_JOB_NODELIST", "gpu[07-12,20],m1"}});
  REQUIRE(slurm->launcher == "Slurm");
  REQUIRE(slurm->rank == 3u);
  REQUIRE(slurm->rootHost == "gpu07");
  REQUIRE_FALSE(slurm->rootPort);

  const auto kubernetes = find({{"JOB_COMPLETION_INDEX", "1"}, {"MASTER_ADDR", "train-0.train"}});
  REQUIRE(kubernetes->launcher == "Kubernetes");
  REQUIRE(kubernetes->rank == 1u);
  REQUIRE(kubernetes->rootHost == "train-0.train");
}

TEST_CASE("Open MPI's processes know node 0 only when all are on one host") {
  std::map<std::string, std::string> variables = {{"OMPI_COMM_WORLD_RANK", "1"},
                                                  {"OMPI_COMM_WORLD_SIZE", "4"},
                                                  {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"}};
  REQUIRE(find(variables)->rootHost == "127.0.0.1");
  variables["OMPI_COMM_WORLD_LOCAL_SIZE"] = "2";
  REQUIRE(find(variables)->rootHost.empty());
  variables["MASTER_ADDR"] = "h0";
  REQUIRE(find(variables)->rootHost == "h0");
}

TEST_CASE("torchrun comes before Open MPI before Slurm") {
  std::map<std::string, std::string> variables = {
      {"SLURM_PROCID", "3"}, {"OMPI_COMM_WORLD_RANK", "2"}, {"RANK", "1"}};
  REQUIRE(find(variables)->rank == 1u);
  variables.erase("RANK");
  REQUIRE(find(variables)->rank == 2u);
}

TEST_CASE("the first host of a list") {
  REQUIRE(firstHost("n1") == "n1");
  REQUIRE(firstHost("n1,n2") == "n1");
  REQUIRE(firstHost("n[3,5-7]") == "n3");
  REQUIRE(firstHost("a,n[3,5-7]") == "a");
  REQUIRE(firstHost("n[") == "");
}

TEST_CASE("a variable that is no number is named") {
  for (const char *wrong : {"two", "-1", "1x", "99999999999"}) {
    const Status status = find({{"RANK", wrong}}).status();
    REQUIRE(status.code() == Code::InvalidArgument);
    REQUIRE(status.message().find("RANK") != std::string::npos);
  }
  REQUIRE(find({{"RANK", "0"}, {"MASTER_PORT", "70000"}}).status().code() == Code::InvalidArgument);
}
