// What the emitted object is, whatever its kernels compute.
#include "test/codegen/CodegenHarness.h"

#include <catch2/catch.hpp>

#include <algorithm>

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
