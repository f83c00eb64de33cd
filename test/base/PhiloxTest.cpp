#include "runtime/base/Philox.h"

#include <catch2/catch.hpp>

using namespace of;

TEST_CASE("philox gives the known answers of Random123") {
  CHECK(philox({0, 0, 0, 0}, {0, 0}) ==
        PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("every part of seed, op, step and index reaches the block") {
  const uint64_t bit = uint64_t(1) << 40;
  const auto draw = [](uint64_t seed, uint32_t op, uint64_t step, uint64_t index) {
    return philox(philoxCounter(step, index), philoxKey(seed, op));
  };
  const PhiloxCounter base = draw(1, 2, 3, 4);
  CHECK(base == draw(1, 2, 3, 4));
  CHECK(base != draw(1 + bit, 2, 3, 4));
  CHECK(base != draw(1, 3, 3, 4));
  CHECK(base != draw(1, 2, 3 + bit, 4));
  CHECK(base != draw(1, 2, 3, 4 + bit));
}

TEST_CASE("uniform values lie in [0, 1) and use the words as documented") {
  CHECK(philoxUniformF32({0, 0, 0, 0}) == 0.0f);
  CHECK(philoxUniformF32({0xffffffff, 0, 0, 0}) == 1.0f - 0x1p-24f);
  CHECK(philoxUniformF64({0xffffffff, 0xffffffff, 0, 0}) == 1.0 - 0x1p-53);
  CHECK(philoxUniformF64({0, 0x80000000, 0, 0}) == 0.5);
  double sum = 0, squares = 0;
  constexpr int count = 100000;
  for (int i = 0; i < count; ++i) {
    const double u = philoxUniformF32(philox(philoxCounter(7, i), philoxKey(42, 5)));
    sum += u;
    squares += u * u;
  }
  CHECK(sum / count == Approx(0.5).margin(0.005));
  CHECK(squares / count == Approx(1.0 / 3).margin(0.005));
}
