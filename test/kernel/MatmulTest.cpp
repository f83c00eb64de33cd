#include "test/kernel/RoutineHarness.h"

using namespace of;
using namespace of::rt;
using namespace of::rt::test;

namespace {

struct Case {
  int64_t batch, m, n, k;
  bool transA, transB, broadcastA, broadcastB;
  double alpha, beta;

  std::vector<int64_t> ints() const {
    return {batch, m, n, k, transA, transB, broadcastA ? 0 : m * k, broadcastB ? 0 : k * n, m * n};
  }
  int64_t aElements() const { return (broadcastA ? 1 : batch) * m * k; }
  int64_t bElements() const { return (broadcastB ? 1 : batch) * k * n; }
};

template <typename T>
std::vector<double> naive(const Case &t, const std::vector<T> &a, const std::vector<T> &b,
                          const std::vector<T> &c) {
  std::vector<double> out(c.size());
  for (int64_t i = 0; i < t.batch; ++i)
    for (int64_t row = 0; row < t.m; ++row)
      for (int64_t column = 0; column < t.n; ++column) {
        double sum = 0;
        for (int64_t k = 0; k < t.k; ++k) {
          const int64_t atA = t.transA ? k * t.m + row : row * t.k + k;
          const int64_t atB = t.transB ? column * t.k + k : k * t.n + column;
          sum += static_cast<double>(a[(t.broadcastA ? 0 : i * t.m * t.k) + atA]) *
                 static_cast<double>(b[(t.broadcastB ? 0 : i * t.k * t.n) + atB]);
        }
        const int64_t at = (i * t.m + row) * t.n + column;
        out[at] = t.alpha * sum + (t.beta == 0 ? 0 : t.beta * static_cast<double>(c[at]));
      }
  return out;
}

template <typename T> void check(const Case &t, int64_t tiles, std::mt19937 &random) {
  CAPTURE(t.batch, t.m, t.n, t.k, t.transA, t.transB, t.broadcastA, t.broadcastB, t.beta, tiles);
  std::vector<T> a = randomValues<T>(t.aElements(), random);
  std::vector<T> b = randomValues<T>(t.bElements(), random);
  std::vector<T> c = randomValues<T>(t.batch * t.m * t.n, random);
  if (t.beta == 0) // not read
    std::fill(c.begin(), c.end(), std::numeric_limits<T>::quiet_NaN());
  const std::vector<double> want = naive(t, a, b, c);
  const PlanLibrary library("matmul", dtypeOf<T>(), t.ints(), {t.alpha, t.beta});
  auto routine = makeRoutine(*library, tiles,
                             {a.size() * sizeof(T), b.size() * sizeof(T), c.size() * sizeof(T)});
  REQUIRE(routine.status().message() == "");
  runBackwards(**routine, {a.data(), b.data(), c.data()}, tiles);
  CHECK(relativeError(c, want) < tolerance<T>() * (1 + std::sqrt(static_cast<double>(t.k))));
}

Case randomCase(std::mt19937 &random) {
  auto pick = [&](int64_t lo, int64_t hi) {
    return std::uniform_int_distribution<int64_t>(lo, hi)(random);
  };
  Case t{pick(1, 5),      pick(1, 90),     pick(1, 70),     pick(0, 70), pick(0, 1) == 1,
         pick(0, 1) == 1, pick(0, 3) == 0, pick(0, 2) == 0, 1,           0};
  t.alpha = pick(0, 1) ? 1 : 0.5;
  t.beta = pick(0, 2) ? 0 : (pick(0, 1) ? 1 : -0.25);
  return t;
}

} // namespace

TEST_CASE("matmul agrees with loops for random shapes, strides and tiles") {
  std::mt19937 random(Catch::rngSeed());
  for (int i = 0; i < 150; ++i) {
    const Case t = randomCase(random);
    const int64_t tiles = std::uniform_int_distribution<int64_t>(1, 9)(random);
    check<float>(t, tiles, random);
    check<double>(t, tiles, random);
  }
}

TEST_CASE("matmul takes empty sizes") {
  std::mt19937 random(Catch::rngSeed());
  check<float>({2, 0, 4, 3, false, false, false, false, 1, 0}, 2, random);
  check<float>({2, 4, 0, 3, false, false, false, false, 1, 0}, 2, random);
  check<double>({2, 4, 3, 0, false, true, false, false, 1, 1}, 2, random);
  check<double>({0, 4, 3, 2, false, true, false, false, 1, 1}, 3, random);
}

TEST_CASE("matmul runs the same bits each time and for each grouping of its tiles") {
  std::mt19937 random(Catch::rngSeed());
  const PlanLibrary library("matmul", DType::F32,
                            {2, 130, 75, 64, 0, 1, 130 * 64, 64 * 75, 130 * 75});
  std::vector<float> a = randomValues<float>(2 * 130 * 64, random);
  std::vector<float> b = randomValues<float>(2 * 64 * 75, random);
  std::vector<float> one(2 * 130 * 75), other(one.size());
  auto routine = makeRoutine(*library, 7, {a.size() * 4, b.size() * 4, one.size() * 4});
  REQUIRE(routine.isOk());
  void *first[] = {a.data(), b.data(), one.data()};
  (*routine)->run(first, nullptr, 0, 7);
  runBackwards(**routine, {a.data(), b.data(), other.data()}, 7);
  CHECK(one == other);
}

TEST_CASE("matmul reports how many tiles can work") {
  CHECK(maxTiles(*PlanLibrary("matmul", DType::F32, {1, 64, 8, 8, 0, 0, 0, 0, 0})) == 2);
  CHECK(maxTiles(*PlanLibrary("matmul", DType::F32, {3, 33, 8, 8, 1, 0, 264, 64, 264})) == 6);
}
