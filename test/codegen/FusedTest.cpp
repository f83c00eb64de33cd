// Fused kernels against loops written out.
#include "test/codegen/CodegenHarness.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

using namespace of::test;

namespace {

std::vector<float> randoms(size_t n, unsigned seed) {
  std::mt19937 engine(seed + Catch::rngSeed());
  std::uniform_real_distribution<float> d(-2, 2);
  std::vector<float> v(n);
  for (float &x : v)
    x = d(engine);
  return v;
}

std::string shapeText(const std::vector<int64_t> &shape, const char *element,
                      const std::string &encoding = "") {
  std::string s = "tensor<";
  for (int64_t d : shape)
    s += std::to_string(d) + "x";
  return s + element + (encoding.empty() ? "" : ", " + encoding) + ">";
}

int64_t product(const std::vector<int64_t> &shape) {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

void checkNear(const std::vector<float> &got, const std::vector<double> &want, double tolerance) {
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i)
    if (!(std::abs(got[i] - want[i]) <= tolerance * (1 + std::abs(want[i])))) {
      INFO("at " << i << " got " << got[i] << " want " << want[i]);
      FAIL();
    }
}

template <typename T> void *raw(std::vector<T> &v) { return v.data(); }

} // namespace

TEST_CASE("pointwise chains on many shapes") {
  std::vector<std::vector<int64_t>> shapes = {{},           {1},    {7},      {64},     {1000},
                                              {100003},     {3, 5}, {33, 65}, {1, 128}, {4, 1, 9},
                                              {2, 3, 4, 5}, {0},    {3, 0}};
  for (const auto &shape : shapes) {
    std::string t = shapeText(shape, "f32");
    Kernel k("func.func @f(%x: " + t + ", %y: " + t + ") -> (" + t + ", " + t +
             ") {\n %a = of.mul %x, %y : (" + t + ", " + t + ") -> " + t +
             "\n %b = of.add %a, %x : (" + t + ", " + t + ") -> " + t + "\n %c = of.neg %b : (" +
             t + ") -> " + t + "\n return %b, %c : " + t + ", " + t + "\n}");
    INFO(t << " " << k.errors());
    REQUIRE(k.ok());
    size_t n = product(shape);
    auto x = randoms(n, 1), y = randoms(n, 2);
    std::vector<float> b(n), c(n);
    k.run({raw(x), raw(y), raw(b), raw(c)});
    for (size_t i = 0; i < n; ++i) {
      REQUIRE(b[i] == x[i] * y[i] + x[i]);
      REQUIRE(c[i] == -b[i]);
    }
  }
}

TEST_CASE("broadcasting follows numpy") {
  struct Case {
    std::vector<int64_t> x, y, z;
  };
  for (const Case &c : {Case{{8, 33}, {33}, {8, 33}}, Case{{8, 1}, {1, 33}, {8, 33}},
                        Case{{2, 3, 17, 5}, {3, 1, 1}, {2, 3, 17, 5}}, Case{{6, 4}, {}, {6, 4}}}) {
    std::string tx = shapeText(c.x, "f32"), ty = shapeText(c.y, "f32"), tz = shapeText(c.z, "f32");
    Kernel k("func.func @f(%x: " + tx + ", %y: " + ty + ") -> " + tz +
             " {\n %a = of.sub %x, %y : (" + tx + ", " + ty + ") -> " + tz +
             "\n return %a : " + tz + "\n}");
    REQUIRE(k.ok());
    auto x = randoms(product(c.x), 1), y = randoms(product(c.y), 2);
    std::vector<float> z(product(c.z));
    k.run({raw(x), raw(y), raw(z)});
    for (size_t i = 0; i < z.size(); ++i) {
      auto at = [&](const std::vector<int64_t> &shape, const std::vector<float> &v) {
        int64_t rest = i, flat = 0, stride = 1;
        for (size_t d = c.z.size(); d-- > 0;) {
          int64_t index = rest % c.z[d];
          rest /= c.z[d];
          int64_t own = static_cast<int64_t>(d) - static_cast<int64_t>(c.z.size() - shape.size());
          if (own >= 0) {
            flat += (shape[own] == 1 ? 0 : index) * stride;
            stride *= shape[own];
          }
        }
        return v[flat];
      };
      REQUIRE(z[i] == at(c.x, x) - at(c.y, y));
    }
  }
}

TEST_CASE("transposes inside a chain") {
  Kernel k(R"(
func.func @f(%x: tensor<5x70x9xf32>, %y: tensor<9x5x70xf32>) -> tensor<9x5x70xf32> {
  %n = of.neg %x : (tensor<5x70x9xf32>) -> tensor<5x70x9xf32>
  %t = of.transpose %n [2, 0, 1] : (tensor<5x70x9xf32>) -> tensor<9x5x70xf32>
  %r = of.add %t, %y : (tensor<9x5x70xf32>, tensor<9x5x70xf32>) -> tensor<9x5x70xf32>
  return %r : tensor<9x5x70xf32>
})");
  INFO(k.errors());
  REQUIRE(k.ok());
  auto x = randoms(5 * 70 * 9, 1), y = randoms(5 * 70 * 9, 2);
  std::vector<float> r(x.size());
  k.run({raw(x), raw(y), raw(r)});
  for (int a = 0; a < 9; ++a)
    for (int b = 0; b < 5; ++b)
      for (int c = 0; c < 70; ++c)
        REQUIRE(r[(a * 5 + b) * 70 + c] == y[(a * 5 + b) * 70 + c] - x[(b * 70 + c) * 9 + a]);
}

TEST_CASE("transposes that are walked in blocks") {
  struct Case {
    std::vector<int64_t> in, permutation;
  };
  for (const Case &c : {Case{{70, 133}, {1, 0}}, Case{{35, 3, 50}, {2, 1, 0}},
                        Case{{4, 33, 129}, {0, 2, 1}}, Case{{2, 40, 3, 21}, {0, 3, 2, 1}}}) {
    std::vector<int64_t> out;
    std::string list;
    for (int64_t p : c.permutation) {
      out.push_back(c.in[p]);
      list += (list.empty() ? "" : ", ") + std::to_string(p);
    }
    std::string ti = shapeText(c.in, "f32"), to = shapeText(out, "f32");
    Kernel k("func.func @f(%x: " + ti + ") -> " + to + " {\n %t = of.transpose %x [" + list +
             "] : (" + ti + ") -> " + to + "\n return %t : " + to + "\n}");
    INFO(ti << " " << list << k.errors());
    REQUIRE(k.ok());
    auto x = randoms(product(c.in), 1);
    std::vector<float> y(x.size());
    k.run({raw(x), raw(y)});
    for (size_t i = 0; i < y.size(); ++i) {
      std::vector<int64_t> index(out.size());
      int64_t rest = i, flat = 0;
      for (size_t d = out.size(); d-- > 0; rest /= out[d])
        index[c.permutation[d]] = rest % out[d];
      for (size_t d = 0; d < c.in.size(); ++d)
        flat = flat * c.in[d] + index[d];
      REQUIRE(y[i] == x[flat]);
    }
  }
}

TEST_CASE("halves are stored as halves and computed in f32") {
  for (const char *element : {"bf16", "f16"}) {
    std::string t = shapeText({500}, element), f = shapeText({500}, "f32"),
                s = shapeText({}, element);
    Kernel k("func.func @f(%x: " + f + ") -> (" + t + ", " + f + ", " + s +
             ") {\n %h = of.cast %x to " + element + " : (" + f + ") -> " + t +
             "\n %e = of.exp %h : (" + t + ") -> " + t + "\n %a = of.add %e, %h : (" + t + ", " +
             t + ") -> " + t + "\n %w = of.cast %a to f32 : (" + t + ") -> " + f +
             "\n %s = of.reduce_sum %h dims [0] : (" + t + ") -> " + s +
             "\n return %h, %w, %s : " + t + ", " + f + ", " + s + "\n}");
    INFO(element << k.errors());
    REQUIRE(k.ok());
    auto x = randoms(500, 1);
    std::vector<uint16_t> h(500), sum(1);
    std::vector<float> w(500);
    k.run({raw(x), raw(h), raw(w), raw(sum)});
    double unit = element[0] == 'b' ? 1.0 / 256 : 1.0 / 2048;
    for (int i = 0; i < 500; ++i) {
      double want = std::exp(double(x[i])) + x[i];
      REQUIRE(std::abs(w[i] - want) <= 6 * unit * (std::exp(double(x[i])) + std::abs(x[i])));
    }
    if (element[0] == 'b')
      for (int i = 0; i < 500; ++i) {
        uint32_t bits = uint32_t(h[i]) << 16;
        float back;
        std::memcpy(&back, &bits, 4);
        REQUIRE(std::abs(back - x[i]) <= std::abs(x[i]) * unit);
      }
  }
}

TEST_CASE("an argument may be read at two places of a point") {
  Kernel k(R"(
func.func @f(%x: tensor<40x40xf32>) -> tensor<40x40xf32> {
  %t = of.transpose %x [1, 0] : (tensor<40x40xf32>) -> tensor<40x40xf32>
  %r = of.sub %x, %t : (tensor<40x40xf32>, tensor<40x40xf32>) -> tensor<40x40xf32>
  return %r : tensor<40x40xf32>
})");
  REQUIRE(k.ok());
  auto x = randoms(1600, 1);
  std::vector<float> r(1600);
  k.run({raw(x), raw(r)});
  for (int i = 0; i < 40; ++i)
    for (int j = 0; j < 40; ++j)
      REQUIRE(r[i * 40 + j] == x[i * 40 + j] - x[j * 40 + i]);
}

TEST_CASE("reductions over any dims") {
  struct Case {
    std::vector<int64_t> shape, dims;
  };
  std::vector<Case> cases = {
      {{1000}, {0}},          {{33, 100}, {1}},           {{33, 100}, {0}},
      {{70, 3}, {0}},         {{16, 8, 7, 5}, {0, 2, 3}}, {{4, 7, 5, 130}, {0, 1, 2}},
      {{4, 6, 5, 7}, {1, 3}}, {{6, 3, 50}, {1}},          {{2, 300, 1}, {0, 2}},
      {{0, 5}, {0}},          {{1, 1, 4}, {0, 1}},        {{5, 3000}, {0}},
      {{2, 2, 3000}, {1}},    {{300, 20}, {0, 1}},        {{9, 2, 4, 3}, {0, 3}}};
  for (const Case &c : cases) {
    std::vector<int64_t> out, kept;
    for (size_t d = 0; d < c.shape.size(); ++d) {
      bool folded =
          std::find(c.dims.begin(), c.dims.end(), static_cast<int64_t>(d)) != c.dims.end();
      if (!folded)
        out.push_back(c.shape[d]);
      kept.push_back(folded ? 1 : c.shape[d]);
    }
    std::string t = shapeText(c.shape, "f32"), r = shapeText(out, "f32"),
                rk = shapeText(kept, "f32"), dims = "[";
    for (size_t i = 0; i < c.dims.size(); ++i)
      dims += (i ? ", " : "") + std::to_string(c.dims[i]);
    dims += "]";
    // Square, its sum, its largest value kept, and the square itself.
    Kernel k("func.func @f(%x: " + t + ") -> (" + r + ", " + rk + ", " + t +
             ") {\n %q = of.mul %x, %x : (" + t + ", " + t + ") -> " + t +
             "\n %s = of.reduce_sum %q dims " + dims + " : (" + t + ") -> " + r +
             "\n %m = of.reduce_max %x dims " + dims + " keepdims : (" + t + ") -> " + rk +
             "\n return %s, %m, %q : " + r + ", " + rk + ", " + t + "\n}");
    INFO(t << " dims " << dims << " " << k.errors());
    REQUIRE(k.ok());
    auto x = randoms(product(c.shape), 1);
    std::vector<float> s(product(out), 99), m(product(out), 99), q(x.size());
    k.run({raw(x), raw(s), raw(m), raw(q)});
    std::vector<double> wantSum(s.size(), 0),
        wantMax(s.size(), -std::numeric_limits<double>::infinity());
    for (size_t i = 0; i < x.size(); ++i) {
      int64_t rest = i, flat = 0, stride = 1;
      for (size_t d = c.shape.size(); d-- > 0;) {
        int64_t index = rest % c.shape[d];
        rest /= c.shape[d];
        flat += (kept[d] == 1 ? 0 : index) * stride;
        stride *= kept[d];
      }
      wantSum[flat] += double(x[i]) * x[i];
      wantMax[flat] = std::max(wantMax[flat], double(x[i]));
      REQUIRE(q[i] == x[i] * x[i]);
    }
    checkNear(s, wantSum, 1e-5);
    for (size_t i = 0; i < m.size(); ++i)
      REQUIRE(m[i] == static_cast<float>(wantMax[i]));
  }
}

static const char *softmaxText = R"(
func.func @f(%x: tensor<37x1001xf32>) -> (tensor<37x1001xf32>, tensor<37xf32>) {
  %m = of.reduce_max %x dims [1] keepdims : (tensor<37x1001xf32>) -> tensor<37x1xf32>
  %d = of.sub %x, %m : (tensor<37x1001xf32>, tensor<37x1xf32>) -> tensor<37x1001xf32>
  %e = of.exp %d : (tensor<37x1001xf32>) -> tensor<37x1001xf32>
  %s = of.reduce_sum %e dims [1] keepdims : (tensor<37x1001xf32>) -> tensor<37x1xf32>
  %q = of.div %e, %s : (tensor<37x1001xf32>, tensor<37x1xf32>) -> tensor<37x1001xf32>
  %l = of.log %s : (tensor<37x1xf32>) -> tensor<37x1xf32>
  %z = of.add %l, %m : (tensor<37x1xf32>, tensor<37x1xf32>) -> tensor<37x1xf32>
  %r = of.reshape %z to [37] : (tensor<37x1xf32>) -> tensor<37xf32>
  return %q, %r : tensor<37x1001xf32>, tensor<37xf32>
})";

TEST_CASE("softmax is one kernel") {
  CHECK(textCanFuse(softmaxText));
  Kernel k(softmaxText);
  INFO(k.errors());
  REQUIRE(k.ok());
  auto x = randoms(37 * 1001, 1);
  std::vector<float> q(x.size()), r(37);
  k.run({raw(x), raw(q), raw(r)});
  std::vector<double> wantQ, wantR;
  for (int i = 0; i < 37; ++i) {
    double sum = 0;
    for (int j = 0; j < 1001; ++j)
      sum += std::exp(double(x[i * 1001 + j]));
    for (int j = 0; j < 1001; ++j)
      wantQ.push_back(std::exp(double(x[i * 1001 + j])) / sum);
    wantR.push_back(std::log(sum));
  }
  checkNear(q, wantQ, 1e-6);
  checkNear(r, wantR, 1e-6);
  // In place: the quotient over the input.
  std::string text = softmaxText;
  CHECK(textCanShare(text, 0, 0));
  text.replace(text.find("%x: tensor<37x1001xf32>"), 23,
               "%x: tensor<37x1001xf32> {of.in_place = 0 : i64}");
  Kernel over(text);
  INFO(over.errors());
  REQUIRE(over.ok());
  std::vector<float> r2(37);
  over.run({raw(x), raw(x), raw(r2)});
  CHECK(x == q);
  CHECK(r2 == r);
}

TEST_CASE("normalisation over outer dims is one kernel") {
  const char *text = R"(
func.func @f(%x: tensor<50x300xf32>, %g: tensor<300xf32>) -> (tensor<50x300xf32>, tensor<300xf32>) {
  %c = of.constant 0.02 : f32 : tensor<f32>
  %s = of.reduce_sum %x dims [0] : (tensor<50x300xf32>) -> tensor<300xf32>
  %m = of.mul %s, %c : (tensor<300xf32>, tensor<f32>) -> tensor<300xf32>
  %d = of.sub %x, %m : (tensor<50x300xf32>, tensor<300xf32>) -> tensor<50x300xf32>
  %q = of.mul %d, %d : (tensor<50x300xf32>, tensor<50x300xf32>) -> tensor<50x300xf32>
  %v = of.reduce_sum %q dims [0] : (tensor<50x300xf32>) -> tensor<300xf32>
  %i = of.rsqrt %v : (tensor<300xf32>) -> tensor<300xf32>
  %w = of.mul %i, %g : (tensor<300xf32>, tensor<300xf32>) -> tensor<300xf32>
  %y = of.mul %d, %w : (tensor<50x300xf32>, tensor<300xf32>) -> tensor<50x300xf32>
  return %y, %m : tensor<50x300xf32>, tensor<300xf32>
})";
  CHECK(textCanFuse(text));
  Kernel k(text);
  INFO(k.errors());
  REQUIRE(k.ok());
  auto x = randoms(50 * 300, 1), g = randoms(300, 2);
  std::vector<float> y(x.size()), m(300);
  k.run({raw(x), raw(g), raw(y), raw(m)});
  std::vector<double> wantM(300), wantY(y.size());
  for (int c = 0; c < 300; ++c) {
    double mean = 0, variance = 0;
    for (int n = 0; n < 50; ++n)
      mean += x[n * 300 + c] * 0.02;
    for (int n = 0; n < 50; ++n)
      variance += std::pow(x[n * 300 + c] - mean, 2);
    wantM[c] = mean;
    for (int n = 0; n < 50; ++n)
      wantY[n * 300 + c] = (x[n * 300 + c] - mean) / std::sqrt(variance) * g[c];
  }
  checkNear(m, wantM, 1e-5);
  checkNear(y, wantY, 1e-5);
}

TEST_CASE("integers, bools and selects") {
  Kernel k(R"(
func.func @f(%x: tensor<999xi64>, %b: tensor<999xi1>) -> (tensor<999xi64>, tensor<999xi1>, tensor<999xi32>, tensor<i64>) {
  %three = of.constant 3 : i64 : tensor<i64>
  %i = of.iota 0 : tensor<999xi64>
  %p = of.mul %x, %three : (tensor<999xi64>, tensor<i64>) -> tensor<999xi64>
  %c = of.compare "lt" %p, %i : (tensor<999xi64>, tensor<999xi64>) -> tensor<999xi1>
  %d = of.mul %c, %b : (tensor<999xi1>, tensor<999xi1>) -> tensor<999xi1>
  %n = of.not %d : (tensor<999xi1>) -> tensor<999xi1>
  %s = of.select %n, %p, %i : (tensor<999xi1>, tensor<999xi64>, tensor<999xi64>) -> tensor<999xi64>
  %t = of.cast %s to i32 : (tensor<999xi64>) -> tensor<999xi32>
  %sum = of.reduce_sum %s dims [0] : (tensor<999xi64>) -> tensor<i64>
  return %s, %n, %t, %sum : tensor<999xi64>, tensor<999xi1>, tensor<999xi32>, tensor<i64>
})");
  INFO(k.errors());
  REQUIRE(k.ok());
  std::vector<int64_t> x(999), s(999), sum(1);
  std::vector<uint8_t> b(999), n(999);
  std::vector<int32_t> t(999);
  std::mt19937 engine(Catch::rngSeed());
  for (int i = 0; i < 999; ++i) {
    x[i] = static_cast<int64_t>(engine() % 600) - 100;
    b[i] = engine() & 1;
  }
  k.run({raw(x), raw(b), raw(s), raw(n), raw(t), raw(sum)});
  int64_t want = 0;
  for (int i = 0; i < 999; ++i) {
    bool notD = !(x[i] * 3 < i && b[i]);
    int64_t value = notD ? x[i] * 3 : i;
    REQUIRE(int(n[i]) == int(notD));
    REQUIRE(s[i] == value);
    REQUIRE(t[i] == value);
    want += value;
  }
  CHECK(sum[0] == want);
}

TEST_CASE("a split dim brings its offset as a scalar") {
  const std::string mesh = "#of.mesh<\"m\", [a = 2, b = 2], [0, 1, 2, 3]>";
  const std::string split = "#of.dist<" + mesh + ", [S(0), S(1)]>",
                    rows = "#of.dist<" + mesh + ", [S(0), B]>";
  std::string t = shapeText({7, 9}, "i64", split), r = shapeText({7, 1}, "i64", rows);
  std::string text =
      "func.func @f(%x: " + r + ") -> " + t + " {\n %i = of.iota 0 : " + t +
      "\n %j = of.iota 1 : " + t +
      "\n %ten = of.constant 10 : i64 : " + shapeText({}, "i64", "#of.dist<" + mesh + ", [B, B]>") +
      "\n %p = of.mul %i, %ten : (" + t + ", " +
      shapeText({}, "i64", "#of.dist<" + mesh + ", [B, B]>") + ") -> " + t +
      "\n %q = of.add %p, %j : (" + t + ", " + t + ") -> " + t + "\n %z = of.add %q, %x : (" + t +
      ", " + r + ") -> " + t + "\n return %z : " + t + "\n}";
  std::string symbol;
  for (int64_t point = 0; point < 4; ++point) {
    Kernel k(text, hostIsa(), point);
    INFO(text << k.errors());
    REQUIRE(k.ok());
    int64_t row = point / 2, column = point % 2;
    int64_t rowCount = row ? 3 : 4, rowAt = row ? 4 : 0, columnCount = column ? 4 : 5,
            columnAt = column ? 5 : 0;
    std::vector<int64_t> x(rowCount), z(rowCount * columnCount);
    for (int64_t i = 0; i < rowCount; ++i)
      x[i] = 1000 * (rowAt + i);
    k.run({raw(x), raw(z)});
    for (int64_t i = 0; i < rowCount; ++i)
      for (int64_t j = 0; j < columnCount; ++j)
        REQUIRE(z[i * columnCount + j] == 1000 * (rowAt + i) + 10 * (rowAt + i) + columnAt + j);
  }
}

TEST_CASE("a folded dim that is split to one element is no loop") {
  const std::string mesh = "#of.mesh<\"m\", [a = 2], [0, 1]>";
  auto dist = [&](const char *sbp) { return "#of.dist<" + mesh + ", [" + sbp + "]>"; };
  std::string t = shapeText({2, 40}, "f32", dist("S(0)")), r = shapeText({40}, "f32", dist("P"));
  std::string text = "func.func @f(%x: " + t + ") -> (" + r + ", " + t +
                     ") {\n %q = of.mul %x, %x : (" + t + ", " + t + ") -> " + t +
                     "\n %s = of.reduce_sum %q dims [0] : (" + t + ") -> " + r +
                     "\n return %s, %q : " + r + ", " + t + "\n}";
  CHECK(textCanFuse(text));
  for (int64_t point : {0, 1}) {
    Kernel k(text, hostIsa(), point);
    INFO(k.errors());
    REQUIRE(k.ok());
    auto x = randoms(40, 1);
    std::vector<float> s(40), q(40);
    k.run({raw(x), raw(s), raw(q)});
    CHECK(s == q);
    for (int i = 0; i < 40; ++i)
      REQUIRE(q[i] == x[i] * x[i]);
  }
}

TEST_CASE("the two outputs of a kernel may be transposes of each other") {
  Kernel k(R"(
func.func @f(%x: tensor<30x20xf32>) -> (tensor<30x20xf32>, tensor<20x30xf32>, tensor<20xf32>) {
  %n = of.neg %x : (tensor<30x20xf32>) -> tensor<30x20xf32>
  %t = of.transpose %n [1, 0] : (tensor<30x20xf32>) -> tensor<20x30xf32>
  %s = of.reduce_min %t dims [1] : (tensor<20x30xf32>) -> tensor<20xf32>
  return %n, %t, %s : tensor<30x20xf32>, tensor<20x30xf32>, tensor<20xf32>
})");
  INFO(k.errors());
  REQUIRE(k.ok());
  auto x = randoms(600, 1);
  std::vector<float> n(600), t(600), s(20);
  k.run({raw(x), raw(n), raw(t), raw(s)});
  for (int j = 0; j < 20; ++j) {
    float least = std::numeric_limits<float>::infinity();
    for (int i = 0; i < 30; ++i) {
      REQUIRE(n[i * 20 + j] == -x[i * 20 + j]);
      REQUIRE(t[j * 30 + i] == -x[i * 20 + j]);
      least = std::min(least, -x[i * 20 + j]);
    }
    REQUIRE(s[j] == least);
  }
}

TEST_CASE("NaN survives reductions to the largest") {
  for (const char *dims : {"0", "1"}) {
    std::string r = "tensor<100xf32>";
    Kernel k("func.func @f(%x: tensor<100x100xf32>) -> " + r + " {\n %y = of.reduce_max %x dims [" +
             dims + "] : (tensor<100x100xf32>) -> " + r + "\n return %y : " + r + "\n}");
    REQUIRE(k.ok());
    auto x = randoms(10000, 1);
    x[5077] = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> y(100);
    k.run({raw(x), raw(y)});
    for (int i = 0; i < 100; ++i)
      REQUIRE(std::isnan(y[i]) == (i == (dims[0] == '0' ? 77 : 50)));
  }
}

TEST_CASE("accumulation starts over with the first micro-batch") {
  Kernel k(R"(
func.func @f(%s: tensor<100xf32> {of.in_place = 0 : i64}, %x: tensor<100xf32>) -> tensor<100xf32> {
  %y = of.accumulate %s, %x : (tensor<100xf32>, tensor<100xf32>) -> tensor<100xf32>
  return %y : tensor<100xf32>
})");
  INFO(k.errors());
  REQUIRE(k.ok());
  auto x = randoms(100, 1);
  std::vector<float> sum(100, std::numeric_limits<float>::quiet_NaN());
  k.run({raw(sum), raw(x), raw(sum)}, 0);
  CHECK(sum == x);
  k.run({raw(sum), raw(x), raw(sum)}, 1);
  for (int i = 0; i < 100; ++i)
    REQUIRE(sum[i] == 2 * x[i]);
}

TEST_CASE("how tiles are handed out does not change the bits") {
  Kernel k(R"(
func.func @f(%x: tensor<30011xf32>) -> tensor<30011xf32> {
  %t = of.tanh %x : (tensor<30011xf32>) -> tensor<30011xf32>
  %e = of.exp %t : (tensor<30011xf32>) -> tensor<30011xf32>
  return %e : tensor<30011xf32>
})");
  REQUIRE(k.ok());
  REQUIRE(k.info().tiles > 3);
  auto x = randoms(30011, 1);
  std::vector<float> a(x.size()), b(x.size());
  k.run({raw(x), raw(a)});
  k.runTiles({raw(x), raw(b)}, 2, k.info().tiles);
  k.runTiles({raw(x), raw(b)}, 0, 2);
  CHECK(a == b);
}

TEST_CASE("what may not be fused or share a buffer is refused") {
  CHECK_FALSE(textCanFuse(R"(
func.func @f(%x: tensor<8x8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %a = of.reduce_sum %x dims [0] : (tensor<8x8xf32>) -> tensor<8xf32>
  %b = of.reduce_sum %x dims [1] : (tensor<8x8xf32>) -> tensor<8xf32>
  return %a, %b : tensor<8xf32>, tensor<8xf32>
})"));
  CHECK_FALSE(textCanFuse(R"(
func.func @f(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %a = of.reduce_sum %x dims [0] keepdims : (tensor<8x8xf32>) -> tensor<1x8xf32>
  %t = of.transpose %a [1, 0] : (tensor<1x8xf32>) -> tensor<8x1xf32>
  %y = of.add %t, %a : (tensor<8x1xf32>, tensor<1x8xf32>) -> tensor<8x8xf32>
  return %y : tensor<8x8xf32>
})"));
  const char *transposed = R"(
func.func @f(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %t = of.transpose %x [1, 0] : (tensor<8x8xf32>) -> tensor<8x8xf32>
  return %t : tensor<8x8xf32>
})";
  CHECK(textCanFuse(transposed));
  CHECK_FALSE(textCanShare(transposed, 0, 0));
  std::string forced = transposed;
  forced.replace(forced.find("%x: tensor<8x8xf32>"), 19,
                 "%x: tensor<8x8xf32> {of.in_place = 0 : i64}");
  Kernel k(forced);
  CHECK_FALSE(k.ok());
  CHECK(k.errors().find("of.in_place") != std::string::npos);
}
