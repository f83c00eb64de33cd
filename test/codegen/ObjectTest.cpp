// What the emitted object is, whatever its kernels compute.
#include "test/codegen/CodegenHarness.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

using namespace of::test;

static const char *twoKernels = R"(
func.func @relu(%x: tensor<64x100xf32>) -> tensor<64x100xf32> {
  %y = of.relu %x : (tensor<64x100xf32>) -> tensor<64x100xf32>
  return %y : tensor<64x100xf32>
}
func.func @zeros() -> tensor<4096xf64> {
  %y = of.constant 0.0 : f64 : tensor<4096xf64>
  return %y : tensor<4096xf64>
}
func.func @copy(%x: tensor<4096xf64>) -> tensor<4096xf64> {
  %y = of.stop_gradient %x : (tensor<4096xf64>) -> tensor<4096xf64>
  return %y : tensor<4096xf64>
}
func.func @relu_again(%z: tensor<64x100xf32>) -> tensor<64x100xf32> {
  %y = of.relu %z : (tensor<64x100xf32>) -> tensor<64x100xf32>
  return %y : tensor<64x100xf32>
}
)";

TEST_CASE("an object imports nothing but copies and fills") {
  for (const char *isa : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    Compiled c = compileKernels(twoKernels, isa);
    INFO(c.errors);
    REQUIRE(!c.object.empty());
    for (const std::string &name : importsOf(c.object)) {
      INFO(name);
      CHECK((name == "memcpy" || name == "memset" || name == "memmove"));
    }
  }
}

TEST_CASE("the same kernels give the same bytes, and equal ones one symbol") {
  Compiled a = compileKernels(twoKernels, "x86-64-v3"), b = compileKernels(twoKernels, "x86-64-v3");
  REQUIRE(!a.object.empty());
  CHECK(a.object == b.object);
  REQUIRE(a.kernels.size() == 4);
  CHECK(a.kernels[0].symbol == a.kernels[3].symbol);
  CHECK(a.kernels[0].symbol != a.kernels[1].symbol);
  CHECK(compileKernels(twoKernels, "x86-64-v4").object != a.object);
}

static std::string drawing(int id, int rows, const char *name) {
  const std::string type = "tensor<" + std::to_string(rows) + "x96xf32>";
  return "func.func @" + std::string(name) + std::to_string(id) + "_" + std::to_string(rows) +
         "(%step: tensor<i64>) -> " + type + " {\n  %y = of.random_normal %step seed 7 id " +
         std::to_string(id) + " : (tensor<i64>) -> " + type + "\n  return %y : " + type + "\n}\n";
}

TEST_CASE("kernels that differ in a seed alone share their code, and draw other numbers") {
  constexpr int count = 20, rows = 5;
  std::string text;
  for (int id = 0; id < count; ++id)
    text += drawing(id, rows, "draw");
  Compiled one = compileKernels(drawing(0, rows, "draw"), hostIsa());
  Compiled all = compileKernels(text, hostIsa());
  INFO(all.errors);
  REQUIRE(all.kernels.size() == count);
  CHECK(all.object.size() < 3 * one.object.size());
  LoadedObject object(all.object);
  std::vector<std::vector<float>> drawn;
  for (const KernelInfo &kernel : all.kernels) {
    LoadedObject::Function draw = object.find(kernel.symbol);
    REQUIRE(draw);
    int64_t step = 3;
    drawn.emplace_back(rows * 96);
    void *buffers[] = {&step, drawn.back().data()};
    draw(buffers, kernel.scalars.data(), 0, kernel.tiles);
  }
  // The first of all is what it is alone.
  std::vector<float> alone(rows * 96);
  int64_t step = 3;
  Kernel(drawing(0, rows, "draw")).run({&step, alone.data()});
  CHECK(drawn[0] == alone);
  std::sort(drawn.begin(), drawn.end());
  CHECK(std::adjacent_find(drawn.begin(), drawn.end()) == drawn.end());
}

TEST_CASE("an object of many kernels, compiled in parts, has all of them and the same bytes") {
  std::string text;
  for (int rows = 2; rows < 22; ++rows)
    text += drawing(rows, rows, "draw");
  Compiled a = compileKernels(text, hostIsa()), b = compileKernels(text, hostIsa());
  INFO(a.errors);
  REQUIRE(a.kernels.size() == 20);
  CHECK(a.object == b.object);
  LoadedObject object(a.object);
  for (const KernelInfo &kernel : a.kernels) {
    INFO(kernel.name);
    CHECK(object.find(kernel.symbol) != nullptr);
  }
}

TEST_CASE("an isa that is not known is an error") {
  Compiled c = compileKernels(twoKernels, "x86-64-v9");
  CHECK(c.object.empty());
  CHECK(c.errors.find("x86-64-v9") != std::string::npos);
}

TEST_CASE("an op that cannot be fused is an error that names it") {
  Compiled c = compileKernels(R"(
func.func @f(%x: tensor<4x6xf32>, %w: tensor<6x8xf32>) -> tensor<4x8xf32> {
  %y = of.matmul %x, %w : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
})",
                              "x86-64-v3");
  CHECK(c.object.empty());
  CHECK(c.errors.find("of.matmul") != std::string::npos);
}
