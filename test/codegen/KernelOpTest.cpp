// Kernels of ops that bring their own linalg.
#include "test/codegen/CodegenHarness.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace of::test;

namespace {

struct WithMatmulKernel {
  WithMatmulKernel() { setMatmulKernel(true); }
  ~WithMatmulKernel() { setMatmulKernel(false); }
};

std::string matmul(const std::string &flags, const std::string &attributes = "") {
  const std::string mesh = "#of.mesh<\"m\", [a = 2], [0, 1]>";
  const std::string l = "tensor<7x5xf32, #of.dist<" + mesh + ", [S(0)]>>",
                    r = "tensor<5x5xf32, #of.dist<" + mesh + ", [B]>>";
  return "func.func @f(%x: " + l + attributes + ", %w: " + r + ") -> " + l +
         " {\n %y = of.matmul %x, %w " + flags + " : (" + l + ", " + r + ") -> " + l +
         "\n return %y : " + l + "\n}";
}

} // namespace

TEST_CASE("an op with its own linalg writes straight into its buffers") {
  WithMatmulKernel on;
  for (int64_t point : {0, 1}) {
    Kernel k(matmul(""), hostIsa(), point);
    INFO(k.errors());
    REQUIRE(k.ok());
    CHECK(k.info().tiles == 1);
    int64_t rows = point ? 3 : 4, first = point ? 4 : 0;
    std::vector<float> x(rows * 5), w(25), y(rows * 5);
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = 0.25f * static_cast<float>(i) - 1;
    for (size_t i = 0; i < w.size(); ++i)
      w[i] = 1 - 0.5f * static_cast<float>(i % 7);
    k.run({x.data(), w.data(), y.data()});
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < 5; ++j) {
        float sum = 0;
        for (int64_t q = 0; q < 5; ++q)
          sum += x[i * 5 + q] * w[q * 5 + j];
        CHECK(std::abs(y[i * 5 + j] - (sum + static_cast<float>(first + i))) < 1e-4f);
      }
  }
}

TEST_CASE("a kernel that needs a temporary is an error that names the op") {
  WithMatmulKernel on;
  Kernel k(matmul("transpose_rhs"));
  CHECK_FALSE(k.ok());
  INFO(k.errors());
  CHECK(k.errors().find("of.matmul") != std::string::npos);
  CHECK(k.errors().find("temporary") != std::string::npos);
}

TEST_CASE("an op with its own linalg is not computed in place") {
  WithMatmulKernel on;
  Kernel k(matmul("", " {of.in_place = 0 : i64}"));
  CHECK_FALSE(k.ok());
  CHECK(k.errors().find("of.in_place") != std::string::npos);
}
