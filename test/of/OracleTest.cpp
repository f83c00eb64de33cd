// Every op against PyTorch, against finite differences, and in parts against the whole.
//
//   of-oracle-test "[pooling]"      one family
#include "test/of/Cases.h"
#include "test/of/Compare.h"

#include <catch2/catch.hpp>

using namespace of;
using namespace of::test;

namespace {

void checkEqual(const std::string &what, const std::vector<Array> &got,
                const std::vector<Array> &want, double tolerance) {
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    INFO(what << " " << i);
    CHECK(errorOf(got[i], want[i]) < tolerance);
  }
}

void checkOracle(const Case &c, const Evaluator &evaluator, double tolerance) {
  checkEqual("result", evaluator.results(c.arguments, c.micro), c.results, tolerance);
  if (c.differentiable)
    checkEqual("gradient", filled(evaluator.gradients(c.arguments, c.seeds, c.micro), c.gradients),
               c.gradients, tolerance);
}

double lossOf(const Case &c, const Evaluator &evaluator, const std::vector<Array> &arguments) {
  double loss = 0;
  size_t seed = 0;
  for (const Array &result : evaluator.results(arguments, c.micro))
    if (seed < c.seeds.size() && result.values.size() == c.seeds[seed].values.size()) {
      for (size_t i = 0; i < result.values.size(); ++i)
        loss += result.values[i] * c.seeds[seed].values[i];
      ++seed;
    }
  return loss;
}

void checkDifferences(const Case &c, const Evaluator &evaluator, const std::vector<bool> &isFloat) {
  constexpr double h = 1e-5;
  const auto gradients = filled(evaluator.gradients(c.arguments, c.seeds, c.micro), c.arguments);
  for (size_t a = 0; a < c.arguments.size(); ++a) {
    if (!isFloat[a])
      continue;
    std::vector<Array> moved = c.arguments;
    Array numeric{c.arguments[a].shape, {}};
    for (size_t i = 0; i < c.arguments[a].values.size(); ++i) {
      const double x = c.arguments[a].values[i];
      moved[a].values[i] = x + h;
      const double above = lossOf(c, evaluator, moved);
      moved[a].values[i] = x - h;
      const double below = lossOf(c, evaluator, moved);
      moved[a].values[i] = x;
      numeric.values.push_back((above - below) / (2 * h));
    }
    INFO("gradient of argument " << a << " against finite differences");
    CHECK(errorOf(gradients[a], numeric) < 1e-7);
  }
}

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// The same function of f32; attributes stay as they are.
std::string inSingle(std::string text) {
  for (const char *before : {"x", "<", " to "})
    text = replaced(text, std::string(before) + "f64", std::string(before) + "f32");
  return replaced(text, ": f64 : tensor", ": f32 : tensor");
}

/// Which arguments of the function are f64.
std::vector<bool> floatsOf(const Case &c) {
  std::vector<bool> out;
  for (size_t a = 0; a < c.arguments.size(); ++a) {
    const size_t at = c.text.find("%a" + std::to_string(a) + ": tensor<");
    const size_t end = c.text.find('>', at);
    out.push_back(c.text.substr(at, end - at).find("f64") != std::string::npos);
  }
  return out;
}

void checkFamily(const std::string &family) {
  std::set<std::string> seen;
  for (const Case &c : casesOf({family})) {
    INFO(c.name << "\n" << c.text);
    const Evaluator exact(c.text, {c.differentiable, &seen});
    INFO(exact.errors());
    REQUIRE(exact.errors().empty());
    if (c.known)
      checkOracle(c, exact, 1e-8);
    if (c.differentiable && c.smooth)
      checkDifferences(c, exact, floatsOf(c));
    int64_t compared = 0;
    CHECK(exact.checkSplits(c.arguments, c.differentiable ? c.seeds : std::vector<Array>{},
                            Catch::rngSeed(), c.micro, compared) == "");
    if (!c.known)
      continue;
    const Evaluator single(inSingle(c.text), {c.differentiable, nullptr});
    INFO(single.errors());
    REQUIRE(single.errors().empty());
    checkOracle(c, single, 1e-3);
  }
}

} // namespace

TEST_CASE("pointwise ops", "[pointwise]") { checkFamily("pointwise"); }
TEST_CASE("reductions, shapes, products and losses", "[tensors]") { checkFamily("tensors"); }
TEST_CASE("convolutions", "[convolution]") { checkFamily("convolution"); }
TEST_CASE("pooling", "[pooling]") { checkFamily("pooling"); }
TEST_CASE("activations and logic", "[activation]") { checkFamily("activation"); }
TEST_CASE("normalisations, embedding, dropout and slices", "[layers]") { checkFamily("layers"); }

TEST_CASE("every op that has a gradient or a sharding has a case", "[coverage]") {
  std::set<std::string> covered, differentiated;
  for (const Case &c : casesOf(allFamilies()))
    for (const OpTraits &op : opsOfDialect())
      if (c.text.find(op.name + " ") != std::string::npos) {
        covered.insert(op.name);
        if (c.settlesGradient)
          differentiated.insert(op.name);
      }
  const std::vector<OpTraits> ops = opsOfDialect();
  REQUIRE(ops.size() > 50);
  for (const OpTraits &op : ops) {
    INFO(op.name << ": add a case to test/of/oracle");
    if (op.hasSharding || op.isDecomposed)
      CHECK(covered.count(op.name));
    if (op.hasGradient)
      CHECK(differentiated.count(op.name));
  }
}
