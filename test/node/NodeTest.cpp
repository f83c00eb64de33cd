#include "runtime/node/Node.h"
#include "test/node/ToyPlan.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace of;
using namespace of::rt;
using namespace of::test;

namespace {

/// A folder that goes away with the test.
class TempDir {
public:
  TempDir() {
    std::string pattern = std::filesystem::temp_directory_path() / "of-node-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  const std::string &path() const { return path_; }

private:
  std::string path_;
};

std::vector<float> lossesIn(const std::string &dir) {
  std::vector<float> out;
  std::ifstream in(dir + "/metrics.jsonl");
  for (std::string line; std::getline(in, line);)
    out.push_back(nlohmann::json::parse(line).at("loss").get<float>());
  return out;
}

void require(const Status &status) {
  INFO(status.message());
  REQUIRE(status.isOk());
}

Result<std::vector<std::string>> gatherAlone(const std::string &mine) {
  return std::vector<std::string>{mine};
}

std::vector<float> runOneNode(const ToyOptions &options, NodeOptions nodeOptions = {}) {
  const std::vector<uint8_t> bytes = ToyPlan(options, OF_TOY_KERNELS).finish();
  TempDir dir;
  nodeOptions.outDir = dir.path();
  auto node = Node::create(*plan::GetPlan(bytes.data()), nodeOptions);
  require(node.status());
  require((*node)->connect({(*node)->card()}, nullptr, gatherAlone));
  require((*node)->run([](const Status &) {}));
  return lossesIn(dir.path());
}

} // namespace

TEST_CASE("one device trains and writes its losses") {
  ToyOptions options;
  options.threads = GENERATE(1u, 2u);
  options.transferWorker = GENERATE(0u, 1u);
  const std::vector<float> losses = runOneNode(options);
  REQUIRE(losses == toyLosses(options, OF_TOY_KERNELS));
  REQUIRE(losses.back() < 0.5f * losses.front());
}

TEST_CASE("devices of one process exchange gradients through their slots") {
  ToyOptions options;
  options.devicesPerNode = 3;
  options.micros = GENERATE(1u, 4u);
  options.slots = GENERATE(1u, 2u, 3u);
  options.transferWorker = GENERATE(0u, 1u);
  const std::vector<float> losses = runOneNode(options);
  REQUIRE(losses == toyLosses(options, OF_TOY_KERNELS));
}

TEST_CASE("a plan that names a node it does not have is refused") {
  const std::vector<uint8_t> bytes = ToyPlan({}, OF_TOY_KERNELS).finish();
  NodeOptions options;
  options.node = 1;
  REQUIRE(Node::create(*plan::GetPlan(bytes.data()), options).status().code() ==
          Code::InvalidArgument);
}

TEST_CASE("a kernel that its object does not have is named") {
  ToyPlan toy({}, OF_TOY_KERNELS);
  toy.b.plan.roles[0]->programs[toy.train]->tasks[0]->body.AsSegment()->calls[0]->symbol =
      "no_such_kernel";
  const std::vector<uint8_t> bytes = toy.finish();
  auto node = Node::create(*plan::GetPlan(bytes.data()), NodeOptions());
  require(node.status());
  const Status status = (*node)->connect({(*node)->card()}, nullptr, gatherAlone);
  REQUIRE(status.code() == Code::Corrupt);
  REQUIRE(status.message().find("no_such_kernel") != std::string::npos);
}

TEST_CASE("an early stop ends after that many steps") {
  ToyOptions options;
  NodeOptions nodeOptions;
  nodeOptions.stopAfterSteps = 7;
  std::vector<float> expected = toyLosses(options, OF_TOY_KERNELS);
  expected.resize(7);
  REQUIRE(runOneNode(options, nodeOptions) == expected);
}
