// Stages of a pipeline: the dynamic program against enumeration that shares no code with it.
#include "lib/Search/StagePartition.h"

#include <catch2/catch.hpp>
#include <functional>
#include <random>

using namespace of;
using namespace of::search;

namespace {

/// Blocks and devices of random cost; a mesh for every interval of devices.
class Maker {
public:
  explicit Maker(uint64_t seed) : random(seed) {}

  StageProblem make() {
    StageProblem problem;
    problem.blocks = 1 + below(5);
    problem.devices = 1 + below(4);
    problem.microBatches = 1 + below(6);
    const bool limited = below(2);
    for (int64_t t = 0; t <= below(2); ++t)
      problem.tables.push_back(table(problem.blocks));
    for (int64_t first = 0; first < problem.devices; ++first)
      for (int64_t end = first + 1; end <= problem.devices; ++end) {
        StageMesh mesh{first, end - first, std::nullopt,
                       static_cast<size_t>(below(problem.tables.size()))};
        if (limited)
          mesh.memoryBytes = 10 + below(60);
        problem.meshes.push_back(mesh);
      }
    for (size_t a = 0; a < problem.meshes.size(); ++a)
      for (size_t b = 0; b < problem.meshes.size(); ++b)
        if (below(8)) // some never follow one another
          for (int64_t k = 0; k < problem.blocks; ++k) {
            problem.crossing[{a, b}].forward.push_back(static_cast<double>(below(4)));
            problem.crossing[{a, b}].backward.push_back(static_cast<double>(below(4)));
          }
    return problem;
  }

private:
  int64_t below(uint64_t n) { return static_cast<int64_t>(random() % n); }

  std::vector<std::vector<BlockCost>> table(int64_t blocks) {
    std::vector<std::vector<BlockCost>> out(1 + below(3));
    for (std::vector<BlockCost> &way : out)
      for (int64_t b = 0; b < blocks; ++b)
        way.push_back({static_cast<double>(1 + below(9)), static_cast<double>(below(9)), below(12),
                       below(6), below(8)});
    return out;
  }

  std::mt19937_64 random;
};

/// A stage as the enumeration has it.
struct Part {
  int64_t first, end;
  size_t mesh, way;
};

/// Infinite if it does not fit.
double secondsOf(const StageProblem &p, const std::vector<Part> &parts) {
  double sum = 0, most = 0, step = 0;
  for (size_t s = 0; s < parts.size(); ++s) {
    const StageMesh &mesh = p.meshes[parts[s].mesh];
    double micro = 0, own = 0;
    int64_t bytes = 0, extra = 0;
    for (int64_t b = parts[s].first; b < parts[s].end; ++b) {
      const BlockCost &cost = p.tables[mesh.table][parts[s].way][b];
      micro += cost.microSeconds;
      own += cost.stepSeconds;
      bytes +=
          cost.fixedBytes + std::min(p.microBatches, int64_t(parts.size() - s)) * cost.activeBytes;
      extra = std::max(extra, cost.extraBytes);
    }
    if (mesh.memoryBytes && bytes + extra > *mesh.memoryBytes)
      return std::numeric_limits<double>::infinity();
    if (s > 0)
      micro += p.crossing.at({parts[s - 1].mesh, parts[s].mesh}).forward[parts[s].first];
    if (s + 1 < parts.size())
      micro += p.crossing.at({parts[s].mesh, parts[s + 1].mesh}).backward[parts[s].end];
    sum += micro;
    most = std::max(most, micro);
    step = std::max(step, own);
  }
  return sum + double(p.microBatches - 1) * most + step;
}

/// Every cut, mesh and way, one by one.
double enumerated(const StageProblem &p, int64_t stages) {
  double least = std::numeric_limits<double>::infinity();
  std::vector<Part> parts;
  std::function<void(int64_t, int64_t)> go = [&](int64_t block, int64_t device) {
    if (int64_t(parts.size()) == stages) {
      if (block == p.blocks && device == p.devices)
        least = std::min(least, secondsOf(p, parts));
      return;
    }
    for (size_t m = 0; m < p.meshes.size(); ++m)
      for (int64_t end = block + 1; end <= p.blocks; ++end)
        for (size_t way = 0; way < p.tables[p.meshes[m].table].size(); ++way) {
          if (p.meshes[m].first != device ||
              (!parts.empty() && !p.crossing.count({parts.back().mesh, m})))
            continue;
          parts.push_back({block, end, m, way});
          go(end, device + p.meshes[m].count);
          parts.pop_back();
        }
  };
  go(0, 0);
  return least;
}

StageProblem two() {
  StageProblem problem;
  problem.blocks = problem.devices = 2;
  problem.microBatches = 3;
  problem.meshes = {{0, 1, std::nullopt, 0}, {1, 1, std::nullopt, 0}};
  problem.tables = {{{{4, 1, 10, 2, 3}, {5, 2, 20, 2, 5}}}};
  problem.crossing[{0, 1}] = {{0, 1}, {0, 3}};
  return problem;
}

std::string errorOf(const Status &status) {
  REQUIRE_FALSE(status.isOk());
  return status.message();
}

} // namespace

TEST_CASE("the least of all cuts, meshes and ways is found") {
  const uint64_t seed = 7;
  int answered = 0, refused = 0, pipelines = 0;
  for (uint64_t round = 0; round < 2000; ++round) {
    INFO("seed " << seed << ", round " << round);
    const StageProblem problem = Maker(seed * 100003 + round).make();
    for (int64_t stages = 1; stages <= 4; ++stages) {
      INFO(stages << " stages");
      auto found = solveStages(problem, stages);
      REQUIRE(found.isOk());
      const double expected = enumerated(problem, stages);
      REQUIRE(found->has_value() == std::isfinite(expected));
      (*found ? answered : refused)++;
      if (!*found)
        continue;
      pipelines += stages > 1;
      INFO((*found)->verify(problem).message());
      REQUIRE((*found)->verify(problem).isOk());
      REQUIRE((*found)->seconds == Approx(expected).epsilon(1e-12));
    }
  }
  CHECK(answered > 500);
  CHECK(refused > 500);
  CHECK(pipelines > 500);
}

TEST_CASE("two stages: fill, drain, what crosses and the last step") {
  auto found = solveStages(two(), 2);
  REQUIRE(found.isOk());
  REQUIRE(found->has_value());
  // (4 + 3) and (5 + 1) once, the larger twice more, the longer update.
  CHECK((*found)->seconds == Approx(7 + 6 + 2 * 7 + 2));
}

TEST_CASE("memory counts the micro-batches under way") {
  StageProblem problem = two();
  problem.meshes[0].memoryBytes = 10 + 2 * 2 + 3;
  problem.meshes[1].memoryBytes = 20 + 1 * 2 + 5;
  CHECK(solveStages(problem, 2)->has_value());
  problem.meshes[0].memoryBytes = 10 + 2 * 2 + 2;
  CHECK_FALSE(solveStages(problem, 2)->has_value());
}

TEST_CASE("a wrong problem is refused with the place") {
  StageProblem problem = two();
  problem.meshes[1].count = 2;
  CHECK(errorOf(problem.check()).find("mesh 1") != std::string::npos);
  problem = two();
  problem.meshes[0].table = 3;
  CHECK(errorOf(problem.check()).find("table 3") != std::string::npos);
  problem = two();
  problem.tables[0][0].pop_back();
  CHECK(errorOf(problem.check()).find("costs of 1 blocks") != std::string::npos);
  problem = two();
  problem.tables[0][0][0].microSeconds = -1;
  CHECK(errorOf(problem.check()).find("negative") != std::string::npos);
  problem = two();
  problem.crossing[{0, 1}].backward.push_back(1);
  CHECK(errorOf(problem.check()).find("meshes 0 and 1") != std::string::npos);
  CHECK(errorOf(solveStages(two(), 0).status()).find("at least one stage") != std::string::npos);
}

TEST_CASE("a wrong solution is told from a right one") {
  const StageProblem problem = two();
  const StageSolution right = **solveStages(problem, 2);
  REQUIRE(right.verify(problem).isOk());
  StageSolution wrong = right;
  wrong.seconds *= 0.9;
  CHECK_FALSE(wrong.verify(problem).isOk());
  wrong = right;
  wrong.stages.pop_back();
  CHECK_FALSE(wrong.verify(problem).isOk());
  wrong = right;
  wrong.stages[1].firstBlock = 0;
  CHECK_FALSE(wrong.verify(problem).isOk());
  StageProblem tight = problem;
  tight.meshes[0].memoryBytes = 1;
  CHECK_FALSE(right.verify(tight).isOk());
}
