#include "runtime/memory/Afar.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

using namespace of::rt;

TEST_CASE("what comes from afar is what was there, and no more") {
  constexpr size_t kKiB = 1024, kMargin = 64;
  const size_t around =
      GENERATE(size_t(1), 4 * kKiB, 192 * kKiB, 200 * kKiB, 1536 * kKiB, 2048 * kKiB);
  const size_t bytes = around + GENERATE(size_t(0), size_t(1), size_t(511));
  const size_t skew = GENERATE(size_t(0), size_t(3));
  std::vector<std::byte> from(bytes + skew), to(bytes + 2 * kMargin, std::byte(7));
  for (size_t i = 0; i < from.size(); ++i)
    from[i] = std::byte(i * 2654435761u >> 13);
  copyFromAfar(to.data() + kMargin, from.data() + skew, bytes);
  const std::vector<std::byte> margin(kMargin, std::byte(7));
  REQUIRE(std::equal(margin.begin(), margin.end(), to.begin()));
  REQUIRE(std::equal(margin.begin(), margin.end(), to.end() - kMargin));
  REQUIRE(std::equal(from.begin() + static_cast<long>(skew), from.end(),
                     to.begin() + static_cast<long>(kMargin)));
}
