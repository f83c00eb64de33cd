// Every op of ONNX that can be imported, and its gradient, against PyTorch: results and gradients
// of sum(results * seeds) of a small graph in f64 within 1e-8.
#include "test/import/Imported.h"
#include "test/of/Cases.h"
#include "test/of/Compare.h"

#include <catch2/catch.hpp>

using namespace of::test;

static const char *const kFamilies[] = {"elementwise", "tensors", "images", "layers", "modes"};

static std::string bytesOf(const std::string &hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return out;
}

static std::vector<Case> onnxCases(const std::vector<std::string> &families) {
  std::vector<Case> out = casesOf(families, OF_ONNX_ORACLE_FOLDER);
  REQUIRE(out.size() > 10);
  return out;
}

static void checkEqual(const std::string &what, const std::vector<Array> &got,
                       const std::vector<Array> &want) {
  for (size_t i = 0; i < want.size(); ++i) {
    INFO(what << " " << i);
    CHECK(errorOf(got[i], want[i]) < 1e-8);
  }
}

static void check(const Case &c) {
  INFO(c.name);
  std::vector<Array> arguments = c.arguments;
  std::string errors, text = importOnnx(bytesOf(c.text), arguments, errors);
  INFO(errors << text);
  REQUIRE(!text.empty());
  const Evaluator evaluator(text, {c.differentiable, nullptr});
  INFO(evaluator.errors());
  REQUIRE(evaluator.errors().empty());
  checkEqual("result", evaluator.results(arguments), c.results);
  if (c.differentiable)
    checkEqual("gradient", filled(evaluator.gradients(arguments, c.seeds), arguments),
               filled(c.gradients, c.arguments));
}

TEST_CASE("elementwise ops", "[elementwise]") {
  for (const Case &c : onnxCases({kFamilies[0]}))
    check(c);
}
TEST_CASE("reductions, shapes, indexing and products", "[tensors]") {
  for (const Case &c : onnxCases({kFamilies[1]}))
    check(c);
}
TEST_CASE("convolutions, poolings and resizing", "[images]") {
  for (const Case &c : onnxCases({kFamilies[2]}))
    check(c);
}
TEST_CASE("normalisations, recurrent layers and losses", "[layers]") {
  for (const Case &c : onnxCases({kFamilies[3]}))
    check(c);
}
// By hand: half a minute of compiling kernels.
TEST_CASE("all modes of sampling, selection and turns", "[.][modes]") {
  for (const Case &c : onnxCases({kFamilies[4]}))
    check(c);
}

// A case is named after its op; what else its graph needs does not count.
TEST_CASE("every importable op has a case, with its gradient if it has one", "[coverage]") {
  std::set<std::string> covered, differentiated;
  for (const Case &c : onnxCases({std::begin(kFamilies), std::end(kFamilies)})) {
    const std::string op = c.name.substr(0, c.name.find(' '));
    covered.insert(op);
    if (c.differentiable)
      differentiated.insert(op);
  }
  const std::vector<OnnxOp> ops = opsOfOnnx();
  REQUIRE(ops.size() > 100);
  for (const OnnxOp &op : ops) {
    INFO(op.name << ": add a case to test/import/oracle");
    CHECK(covered.count(op.name));
    CHECK(differentiated.count(op.name) == op.hasGradient);
  }
}
