// Kernels of ops that bring their own linalg or loops.
#include "test/codegen/CodegenHarness.h"

#include <catch2/catch.hpp>

#include <algorithm>
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

namespace {

/// Gradient of max pooling, windows 3 x 3, stride 2, one element of padding: window after window.
std::vector<float> spreadOneByOne(const std::vector<float> &x, const std::vector<float> &g,
                                  int64_t planes, int64_t side, int64_t windows) {
  std::vector<float> out(x.size());
  for (int64_t p = 0; p < planes; ++p)
    for (int64_t i = 0; i < windows * windows; ++i) {
      int64_t best = -1;
      for (int64_t r = std::max<int64_t>(i / windows * 2 - 1, 0);
           r < std::min(i / windows * 2 + 2, side); ++r)
        for (int64_t c = std::max<int64_t>(i % windows * 2 - 1, 0);
             c < std::min(i % windows * 2 + 2, side); ++c)
          if (int64_t at = (p * side + r) * side + c; best < 0 || x[at] > x[best])
            best = at;
      out[best] += g[p * windows * windows + i];
    }
  return out;
}

} // namespace

TEST_CASE("an op with its own loops has the same bits in any tiles") {
  const int64_t planes = 15, side = 41, windows = 21;
  Kernel k("func.func @f(%x: tensor<5x3x41x41xf32>, %g: tensor<5x3x21x21xf32>) -> "
           "tensor<5x3x41x41xf32> {\n %y = of.max_pool2d_backward %x, %g {kernel = array<i64: 3, "
           "3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>} : "
           "(tensor<5x3x41x41xf32>, tensor<5x3x21x21xf32>) -> tensor<5x3x41x41xf32>\n return %y : "
           "tensor<5x3x41x41xf32>\n}");
  INFO(k.errors());
  REQUIRE(k.ok());
  CHECK(k.info().tiles == planes * side * side / 4096);
  std::vector<float> x(planes * side * side), g(planes * windows * windows);
  for (size_t i = 0; i < x.size(); ++i) // many are equal
    x[i] = static_cast<float>(i * 7919 % 13);
  for (size_t i = 0; i < g.size(); ++i)
    g[i] = 1.0f / static_cast<float>(i + 3);
  const std::vector<float> expected = spreadOneByOne(x, g, planes, side, windows);
  std::vector<float> apart(x.size(), -1), together(x.size(), -1);
  k.run({x.data(), g.data(), apart.data()});
  k.runTiles({x.data(), g.data(), together.data()}, 0, k.info().tiles);
  CHECK(apart == expected);
  CHECK(together == expected);
}
