// Expanded elementary functions against the C library, on every isa this machine runs.
#include "test/codegen/CodegenHarness.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>

using namespace of::test;

namespace {

struct Function {
  const char *op;
  long double (*exact)(long double);
  double low, high; ///< where it is tried densely
};

const Function functions[] = {{"exp", std::exp, -760, 720},   {"log", std::log, 0, 10},
                              {"tanh", std::tanh, -12, 12},   {"erf", std::erf, -7, 7},
                              {"sin", std::sin, -1000, 1000}, {"cos", std::cos, -1000, 1000},
                              {"atan", std::atan, -12, 12}};

template <typename T> std::vector<T> inputs(const Function &f) {
  std::mt19937_64 engine(Catch::rngSeed());
  std::vector<T> x = {T(0),
                      T(-0.0),
                      T(1),
                      T(-1),
                      std::numeric_limits<T>::infinity(),
                      -std::numeric_limits<T>::infinity(),
                      std::numeric_limits<T>::quiet_NaN(),
                      std::numeric_limits<T>::denorm_min(),
                      std::numeric_limits<T>::min(),
                      -std::numeric_limits<T>::min(),
                      T(M_PI),
                      T(M_PI / 2),
                      T(M_PI * 1000),
                      T(0.5),
                      T(2),
                      std::nextafter(T(1), T(2)),
                      std::nextafter(T(1), T(0))};
  bool periodic = f.op[0] == 's' || f.op[0] == 'c';
  if (!periodic)
    x.insert(x.end(), {std::numeric_limits<T>::max(), -std::numeric_limits<T>::max()});
  std::uniform_real_distribution<double> uniform(f.low, f.high),
      exponent(sizeof(T) == 8 ? -320 : -44, periodic         ? 5
                                            : sizeof(T) == 8 ? 308
                                                             : 38);
  for (int i = 0; i < 200000; ++i)
    x.push_back(static_cast<T>(uniform(engine)));
  for (int i = 0; i < 100000; ++i) {
    double v = std::pow(10.0, exponent(engine));
    x.push_back(static_cast<T>(i & 1 ? v : -v));
  }
  return x;
}

template <typename T> void check(const Function &f, const char *element, double relative) {
  std::vector<T> x = inputs<T>(f), y(x.size());
  std::string t = "tensor<" + std::to_string(x.size()) + "x" + element + ">";
  for (const char *isa : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    if (!hostRuns(isa))
      continue;
    Kernel k("func.func @f(%x: " + t + ") -> " + t + " {\n %y = of." + f.op + " %x : (" + t +
                 ") -> " + t + "\n return %y : " + t + "\n}",
             isa);
    INFO(f.op << " " << element << " " << isa << " " << k.errors());
    REQUIRE(k.ok());
    k.run({x.data(), y.data()});
    double worst = 0, at = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      long double want = f.exact(x[i]);
      T rounded = static_cast<T>(want);
      if (std::isnan(rounded) || std::isinf(rounded)) {
        INFO("f(" << x[i] << ") = " << y[i] << ", want " << rounded);
        REQUIRE((std::isnan(rounded) ? std::isnan(y[i]) : y[i] == rounded));
        continue;
      }
      // Below the normal range an error of one unit in the last place is all that can be asked.
      double unit = std::abs(want) < std::numeric_limits<T>::min()
                        ? std::numeric_limits<T>::denorm_min() * 1.01
                        : 0;
      double error = std::abs(static_cast<double>(y[i] - want));
      if (!(error <= unit) && !(error / std::abs(static_cast<double>(want)) <= worst)) {
        worst = error / std::abs(static_cast<double>(want));
        at = x[i];
      }
    }
    INFO("worst relative error " << worst << " at " << at);
    CHECK(worst <= relative);
  }
}

} // namespace

TEST_CASE("f64 functions are within 1e-15") {
  for (const Function &f : functions)
    check<double>(f, "f64", 1e-15);
}

TEST_CASE("f32 functions are within 2e-7") {
  for (const Function &f : functions)
    check<float>(f, "f32", 2e-7);
}
