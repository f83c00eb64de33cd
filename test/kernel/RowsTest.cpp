#include "test/kernel/RoutineHarness.h"

using namespace of;
using namespace of::rt;
using namespace of::rt::test;

namespace {

template <typename Index> constexpr int64_t indexDtype() {
  return static_cast<int64_t>(sizeof(Index) == 4 ? DType::I32 : DType::I64);
}

template <typename Index>
std::vector<Index> randomIndices(int64_t count, int64_t tableRows, std::mt19937 &random) {
  std::uniform_int_distribution<Index> row(0, static_cast<Index>(tableRows - 1));
  std::vector<Index> out(static_cast<size_t>(count));
  for (Index &v : out)
    v = row(random);
  return out;
}

/// A table of `all` rows of which this device holds [begin, begin + rows).
struct Part {
  int64_t all, begin, rows, width, count;
};

Part randomPart(std::mt19937 &random) {
  auto pick = [&](int64_t lo, int64_t hi) {
    return std::uniform_int_distribution<int64_t>(lo, hi)(random);
  };
  Part p{pick(1, 60), 0, 0, pick(1, 40), pick(0, 200)};
  p.begin = pick(0, p.all - 1);
  p.rows = pick(0, p.all - p.begin);
  return p;
}

template <typename T, typename Index>
void checkGather(const Part &p, int64_t tiles, std::mt19937 &random) {
  std::vector<T> table = randomValues<T>(p.rows * p.width, random);
  std::vector<Index> indices = randomIndices<Index>(p.count, p.all, random);
  std::vector<T> out(static_cast<size_t>(p.count * p.width), T(7)), want(out.size(), T(0));
  for (int64_t j = 0; j < p.count; ++j) {
    const int64_t row = indices[j] - p.begin;
    if (row >= 0 && row < p.rows)
      std::copy_n(table.begin() + row * p.width, p.width, want.begin() + j * p.width);
  }
  const PlanLibrary library("gather_rows", dtypeOf<T>(),
                            {p.rows, p.width, p.count, indexDtype<Index>()});
  auto routine = makeRoutine(
      *library, tiles,
      {table.size() * sizeof(T), indices.size() * sizeof(Index), out.size() * sizeof(T)});
  REQUIRE(routine.status().message() == "");
  runBackwards(**routine, {table.data(), indices.data(), out.data()}, tiles, {p.begin});
  CHECK(out == want);
}

template <typename T, typename Index>
void checkScatter(const Part &p, int64_t tiles, std::mt19937 &random) {
  std::vector<Index> indices = randomIndices<Index>(p.count, p.all, random);
  std::vector<T> dy = randomValues<T>(p.count * p.width, random);
  std::vector<T> table(static_cast<size_t>(p.rows * p.width), T(9)), want(table.size(), T(0));
  for (int64_t j = 0; j < p.count; ++j) {
    const int64_t row = indices[j] - p.begin;
    if (row >= 0 && row < p.rows)
      for (int64_t i = 0; i < p.width; ++i)
        want[row * p.width + i] += dy[j * p.width + i];
  }
  const PlanLibrary library("scatter_add_rows", dtypeOf<T>(),
                            {p.rows, p.width, p.count, indexDtype<Index>()});
  auto routine = makeRoutine(
      *library, tiles,
      {indices.size() * sizeof(Index), dy.size() * sizeof(T), table.size() * sizeof(T)});
  REQUIRE(routine.status().message() == "");
  runBackwards(**routine, {indices.data(), dy.data(), table.data(), nullptr}, tiles, {p.begin});
  CHECK(table == want); // the same bits: the order of the sum is fixed
}

} // namespace

TEST_CASE("gather_rows reads local rows and zeros for the others") {
  std::mt19937 random(Catch::rngSeed());
  for (int i = 0; i < 60; ++i) {
    const Part p = randomPart(random);
    checkGather<float, int32_t>(p, 1 + i % 5, random);
    checkGather<double, int64_t>(p, 1 + i % 5, random);
  }
}

TEST_CASE("scatter_add_rows sums in batch order whatever the tiles") {
  std::mt19937 random(Catch::rngSeed());
  for (int i = 0; i < 60; ++i) {
    const Part p = randomPart(random);
    checkScatter<float, int64_t>(p, 1 + i % 7, random);
    checkScatter<double, int32_t>(p, 1 + i % 7, random);
  }
}
