#include "lib/Search/Packing.h"
#include "test/search/PackingInstances.h"

#include <catch2/catch.hpp>

using namespace of;
using namespace of::search;

namespace {

PackingSolution packed(const PackingProblem &problem, const PackingOptions &options = {}) {
  Result<PackingSolution> solution = pack(problem, options);
  INFO(solution.status().message());
  REQUIRE(solution.isOk());
  const Status verified = solution->verify(problem);
  INFO(verified.message());
  REQUIRE(verified.isOk());
  CHECK(solution->bound >= maxLive(problem).bytes);
  CHECK(solution->peak >= solution->bound);
  return *solution;
}

std::string errorOf(const PackingProblem &problem) {
  const Result<PackingSolution> solution = pack(problem);
  REQUIRE_FALSE(solution.isOk());
  return solution.status().message();
}

bool contains(const std::string &text, const std::string &part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

/// The smallest peak of aligned packings, by trying every order of first fit: some order is
/// optimal.
int64_t optimum(const PackingProblem &problem) {
  std::vector<size_t> order(problem.buffers.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  int64_t best = INT64_MAX;
  do {
    std::vector<int64_t> offsets(order.size(), -1);
    int64_t peak = 0;
    for (size_t i : order) {
      const Buffer &b = problem.buffers[i];
      int64_t offset = 0;
      for (bool moved = true; moved;) {
        moved = false;
        for (size_t j = 0; j < order.size(); ++j) {
          const Buffer &o = problem.buffers[j];
          if (offsets[j] >= 0 && b.lower < o.upper && o.lower < b.upper &&
              offset < offsets[j] + o.size && offsets[j] < offset + b.size) {
            offset = roundUp(offsets[j] + o.size, b.alignment);
            moved = true;
          }
        }
      }
      offsets[i] = offset;
      peak = std::max(peak, roundUp(offset + b.size, problem.granule()));
    }
    best = std::min(best, peak);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

} // namespace

TEST_CASE("nothing, one and disjoint buffers") {
  CHECK(packed({}).peak == 0);
  CHECK(packed({{{7, 0, 1, 100}}, {}}).peak == 128);
  CHECK(packed({{{0, 0, 1, 64}, {1, 1, 2, 128}, {2, 2, 9, 64}}, {}}).peak == 128);
  CHECK(packed({{{0, 0, 1, 0}, {1, 0, 2, 64}}, {}}).peak == 64);
}

TEST_CASE("a bound above the live bytes is proven") {
  const PackingProblem problem{{{0, 0, 1, 64, 128}, {1, 0, 1, 64, 128}, {2, 1, 2, 64, 64}}, {}};
  CHECK(maxLive(problem).bytes == 128);
  const PackingSolution solution = packed(problem);
  CHECK(solution.peak == 192); // the second multiple of 128, and 64 bytes
  CHECK(solution.bound == 192);
  PackingProblem small = problem;
  small.capacity = 128;
  CHECK(contains(errorOf(small), "proven too small"));
}

TEST_CASE("small problems are packed as well as the best order of first fit, and it is proven") {
  const unsigned seed = Catch::rngSeed();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    PackingProblem problem;
    const size_t count = 1 + random() % 6;
    for (size_t i = 0; i < count; ++i) {
      const int64_t lower = int64_t(random() % 8);
      problem.buffers.push_back({i, lower, lower + 1 + int64_t(random() % 5),
                                 1 + int64_t(random() % 400), int64_t(64) << (random() % 3)});
    }
    INFO("round " << round);
    const PackingSolution solution = packed(problem, {500'000'000, 0});
    REQUIRE(solution.peak == optimum(problem));
    CHECK(solution.bound == solution.peak);
  }
}

namespace {

/// Instances of 100 to 500 buffers with a perfect packing; how many of them are packed perfectly.
int packRectangles(uint64_t first, uint64_t last, uint64_t budget) {
  int perfect = 0;
  for (uint64_t seed = first; seed <= last; ++seed) {
    const PackingProblem problem = RectangleCutter(seed, 10000, 100000).cut(100 + seed * 53 % 401);
    INFO("seed " << seed << ", " << problem.buffers.size() << " buffers");
    const PackingSolution solution = packed(problem, {budget, 0});
    CHECK(double(solution.peak) <= 1.01 * 64 * 100000);
    perfect += solution.peak == 64 * 100000;
  }
  return perfect;
}

} // namespace

TEST_CASE("rectangles that were cut are put together again") {
  CHECK(packRectangles(1, 60, 2'000'000'000) >= 30);
}

// Takes 5 s: packing-test "[long]".
TEST_CASE("all rectangles that were cut are put together again", "[.][long]") {
  CHECK(packRectangles(1, 200, 5'000'000'000) >= 100);
}

TEST_CASE("the bytes of a training step are within 2 % of the live bytes") {
  int perfect = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const PackingProblem problem = trainingStep(seed, 1000);
    INFO("seed " << seed);
    const PackingSolution solution = packed(problem, {100'000'000});
    CHECK(double(solution.peak) <= 1.02 * double(maxLive(problem).bytes));
    perfect += solution.peak == maxLive(problem).bytes;
  }
  CHECK(perfect >= 5);
}

TEST_CASE("the same problem is packed the same way") {
  const PackingProblem problem = RectangleCutter(5, 100, 1000).cut(200);
  const PackingOptions options{20'000'000, 0, 3};
  CHECK(packed(problem, options).offsets == packed(problem, options).offsets);
}

TEST_CASE("the solver stops at the capacity, and says why one is too small") {
  PackingProblem problem = trainingStep(3, 400);
  const MaxLive most = maxLive(problem);
  problem.capacity = most.bytes + most.bytes / 10;
  CHECK(packed(problem).peak <= *problem.capacity);
  problem.capacity = most.bytes - 1;
  const std::string error = errorOf(problem);
  CHECK(contains(error, std::to_string(most.bytes) + " bytes are live at time " +
                            std::to_string(most.time)));
  CHECK(contains(error, "more"));
  int64_t bytes = 0;
  for (size_t i : most.live)
    bytes += roundUp(problem.buffers[i].size, 64);
  CHECK(bytes == most.bytes);
}

TEST_CASE("a problem that does not hold together is refused") {
  CHECK(contains(errorOf({{{3, 5, 5, 64}}, {}}), "buffer 3 lives in [5, 5)"));
  CHECK(contains(errorOf({{{3, 0, 1, -1}}, {}}), "buffer 3 has size -1"));
  CHECK(contains(errorOf({{{3, 0, 1, 64, 48}}, {}}), "buffer 3 has alignment 48"));
  const int64_t large = int64_t(1) << 60;
  CHECK(contains(errorOf({{{0, 0, 1, large}, {1, 0, 1, large}}, {}}), "2^60"));
  CHECK(contains(errorOf({{{0, 0, 1, 64}}, -1}), "capacity -1"));
  CHECK(contains(pack({}, {1, -0.5}).status().message(), "tolerance"));
}

TEST_CASE("an answer that does not hold is refused") {
  const PackingProblem problem{{{10, 0, 2, 100}, {11, 1, 3, 64}, {12, 2, 4, 64}}, {}};
  const PackingSolution good = packed(problem);
  const auto verdict = [&](auto change) {
    PackingSolution bad = good;
    change(bad);
    const Status status = bad.verify(problem);
    REQUIRE_FALSE(status.isOk());
    return status.message();
  };
  CHECK(contains(verdict([](PackingSolution &s) { s.offsets[1] = s.offsets[0] + 64; }), "peak"));
  CHECK(contains(verdict([](PackingSolution &s) {
                   s.offsets = {0, 64, 0};
                   s.peak = 128;
                 }),
                 "share bytes while both live at time 1"));
  CHECK(contains(verdict([](PackingSolution &s) { s.offsets[0] = 32; }), "alignment"));
  CHECK(contains(verdict([](PackingSolution &s) { s.offsets[0] = -64; }), "alignment"));
  CHECK(contains(verdict([](PackingSolution &s) { s.offsets.pop_back(); }), "2 offsets"));
  CHECK(contains(verdict([](PackingSolution &s) { s.peak += 64; }), "stated peak"));
  PackingProblem tight = problem;
  tight.capacity = good.peak - 64;
  CHECK_FALSE(good.verify(tight).isOk());
}
