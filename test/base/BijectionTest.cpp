#include "runtime/base/Bijection.h"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace of;

namespace {

std::vector<uint64_t> images(const Bijection &bijection, size_t count) {
  std::vector<uint64_t> out;
  for (uint64_t i = 0; i < count; ++i)
    out.push_back(bijection(i));
  return out;
}

void checkPermutation(uint64_t size, uint64_t seed, uint64_t epoch) {
  INFO("size " << size << " seed " << seed << " epoch " << epoch);
  const Bijection bijection(size, seed, epoch);
  std::vector<bool> seen(size);
  uint64_t distinct = 0;
  for (uint64_t i = 0; i < size; ++i) {
    const uint64_t image = bijection(i);
    REQUIRE(image < size);
    distinct += !seen[image];
    seen[image] = true;
  }
  CHECK(distinct == size);
}

} // namespace

TEST_CASE("the bijection is a permutation of every size") {
  std::mt19937_64 random(Catch::rngSeed());
  for (uint64_t size = 0; size <= 600; ++size)
    checkPermutation(size, random(), random());
  for (uint64_t size : {4095, 4096, 4097, 60000, 65537, 1000003})
    checkPermutation(size, random(), random() % 100);
}

// Made by an independent program from the description in the header.
TEST_CASE("the bijection keeps its golden values") {
  using Values = std::vector<uint64_t>;
  CHECK(images(Bijection(10, 1, 0), 10) == Values{4, 7, 6, 0, 9, 5, 1, 2, 8, 3});
  CHECK(images(Bijection(60000, 42, 0), 6) == Values{29052, 23013, 42351, 37078, 6251, 50294});
  CHECK(images(Bijection(60000, 42, 1), 6) == Values{48590, 48666, 4712, 54422, 53659, 3494});
  CHECK(images(Bijection(60000, (uint64_t(1) << 40) + 7, 3), 6) ==
        Values{58536, 58557, 53196, 8282, 27816, 55549});
  CHECK(images(Bijection(1000000007, 5, 2), 6) ==
        Values{416897014, 607405836, 981045122, 538464910, 80772513, 744158369});
}

TEST_CASE("epochs and seeds give unrelated orders") {
  constexpr uint64_t size = 10000;
  const Bijection a(size, 1, 0), b(size, 1, 1), c(size, 2, 0);
  int equalEpoch = 0, equalSeed = 0, fixed = 0, neighbours = 0;
  for (uint64_t i = 0; i < size; ++i) {
    equalEpoch += a(i) == b(i);
    equalSeed += a(i) == c(i);
    fixed += a(i) == i;
    neighbours += i > 0 && a(i) == a(i - 1) + 1;
  }
  // Each is 1 in the mean of random permutations.
  for (int count : {equalEpoch, equalSeed, fixed, neighbours})
    CHECK(count < 12);
}

TEST_CASE("a sample lands on every place of the epoch alike") {
  constexpr uint64_t size = 12, draws = 12000;
  std::vector<int> counts(size);
  for (uint64_t epoch = 0; epoch < draws; ++epoch)
    ++counts[Bijection(size, 3, epoch)(5)];
  for (int count : counts)
    CHECK(count == Approx(1000).margin(150)); // 5 standard deviations
}
