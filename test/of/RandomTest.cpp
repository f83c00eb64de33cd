// Random ops against the definition in runtime/base/Philox.h, whole and in parts.
#include "runtime/base/Geometry.h"
#include "runtime/base/Philox.h"
#include "test/codegen/CodegenHarness.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace of;
using namespace of::test;

namespace {

constexpr uint64_t seed = 0x123456789abcdef0;
constexpr uint32_t id = 0x80000007;

std::string program(const std::string &op, const std::string &element, const std::string &sbp,
                    const std::string &flags = "") {
  const std::string mesh = "#of.mesh<\"m\", [a = 3], [0, 1, 2]>";
  auto type = [&](const std::string &shape, const std::string &how) {
    return "tensor<" + shape + (sbp.empty() ? "" : ", #of.dist<" + mesh + ", [" + how + "]>") + ">";
  };
  const std::string out = type("5x7x" + element, sbp), step = type("i64", "B");
  return "func.func @f(%s: " + step + ") -> " + out + " {\n %y = of." + op + " %s seed " +
         std::to_string(static_cast<int64_t>(seed)) + " id " + std::to_string(id) + " " + flags +
         " : (" + step + ") -> " + out + "\n return %y : " + out + "\n}";
}

template <typename T>
std::vector<T> draw(const std::string &text, int64_t step, int64_t point = 0, int64_t elements = 35,
                    int64_t micro = 0) {
  Kernel k(text, hostIsa(), point);
  INFO(k.errors());
  REQUIRE(k.ok());
  std::vector<T> out(elements);
  k.run({&step, out.data()}, micro);
  return out;
}

PhiloxCounter blockAt(int64_t step, int64_t index) {
  return philox(philoxCounter(step, index), philoxKey(seed, id));
}

const int64_t farStep = (int64_t(1) << 33) + 5;

} // namespace

TEST_CASE("uniform values are those of Philox.h, bit for bit") {
  for (int64_t step : {int64_t(0), int64_t(9), farStep}) {
    const auto f32 = draw<float>(program("random_uniform", "f32", ""), step);
    const auto f64 = draw<double>(program("random_uniform", "f64", ""), step);
    for (int64_t i = 0; i < 35; ++i) {
      CHECK(f32[i] == philoxUniformF32(blockAt(step, i)));
      CHECK(f64[i] == philoxUniformF64(blockAt(step, i)));
    }
  }
}

TEST_CASE("normal values are Box and Muller's of the same block") {
  const auto f32 = draw<float>(program("random_normal", "f32", ""), farStep);
  const auto f64 = draw<double>(program("random_normal", "f64", ""), farStep);
  for (int64_t i = 0; i < 35; ++i) {
    const PhiloxCounter w = blockAt(farStep, i);
    const double u = philoxUniformF64(w), v = philoxUniformF64({w[2], w[3], 0, 0});
    CHECK(f64[i] ==
          Approx(std::sqrt(-2 * std::log(1 - u)) * std::cos(2 * M_PI * v)).epsilon(1e-12));
    const double u32 = philoxUniformF32(w), v32 = philoxUniformF32({w[1], 0, 0, 0});
    CHECK(f32[i] ==
          Approx(std::sqrt(-2 * std::log(1 - u32)) * std::cos(2 * M_PI * v32)).margin(2e-6));
  }
}

TEST_CASE("narrow types stay below one") {
  const std::string op = "random_uniform";
  const auto bf16 = draw<uint16_t>(program(op, "bf16", ""), 3);
  for (int64_t i = 0; i < 35; ++i) {
    const uint32_t bits = uint32_t(bf16[i]) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    CHECK(value == static_cast<float>(blockAt(3, i)[0] >> 24) * 0x1p-8f);
  }
}

TEST_CASE("parts of a split are parts of the whole") {
  for (const std::string op : {"random_uniform", "random_normal"}) {
    const auto whole = draw<double>(program(op, "f64", ""), 4);
    for (int dim : {0, 1}) {
      const Layout layout{{{3}, {0, 1, 2}}, {Sbp::split(dim)}};
      for (int64_t point = 0; point < 3; ++point) {
        const Box box = boxAt({5, 7}, layout, point);
        const Shape shape = box.shape();
        const auto part = draw<double>(program(op, "f64", "S(" + std::to_string(dim) + ")"), 4,
                                       point, shape[0] * shape[1]);
        for (int64_t i = 0; i < shape[0]; ++i)
          for (int64_t j = 0; j < shape[1]; ++j)
            CHECK(part[i * shape[1] + j] ==
                  whole[(box.dims[0].begin + i) * 7 + box.dims[1].begin + j]);
      }
    }
  }
}

TEST_CASE("indices go on over micro-batches where the op says so") {
  const auto second = draw<double>(program("random_uniform", "f64", "", "per_micro"), 1, 0, 35, 2);
  const auto plain = draw<double>(program("random_uniform", "f64", ""), 1, 0, 35, 2);
  for (int64_t i = 0; i < 35; ++i) {
    CHECK(second[i] == philoxUniformF64(blockAt(1, 70 + i)));
    CHECK(plain[i] == philoxUniformF64(blockAt(1, i)));
  }
}
