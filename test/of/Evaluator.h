// Runs a function of `of` ops on one device, with its gradient, and each of its ops in parts.
//
//   text ─▶ parse, decompose, differentiate ─▶ each op a kernel, a routine or a view ─▶ values
//
// The oracle of the dialect: slow and simple, one op after the other, no fusion, no plan. No MLIR
// in this header, so that Catch and the compiler never meet in one file. Not thread-safe.
#pragma once

#include "runtime/base/DType.h"
#include "runtime/base/Geometry.h"

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace of::test {

/// A tensor with its values as doubles, whatever its element type.
struct Array {
  Shape shape;
  std::vector<double> values;
};

struct EvaluatorOptions {
  /// Adds the gradient of sum_i(results_i * seed_i) with respect to every float argument.
  bool gradients = false;
  /// Prepares every op under each of its signatures in 2 and in 3 parts, but for those whose text
  /// is in `seen`, to which they are added.
  std::set<std::string> *splits = nullptr;
};

/// An op of the dialect and what it declares.
struct OpTraits {
  std::string name;
  bool hasSharding, hasGradient, isDecomposed;
};
std::vector<OpTraits> opsOfDialect();

class Evaluator {
public:
  /// The first function of the text.
  Evaluator(const std::string &text, EvaluatorOptions options);
  ~Evaluator();
  /// What went wrong while compiling; empty if nothing did.
  const std::string &errors() const;

  /// Results of the function. `micro`: index of the micro-batch.
  std::vector<Array> results(const std::vector<Array> &arguments, int64_t micro = 0) const;
  /// One per argument, in order: the gradient, without values for integers and where nothing flows
  /// back to. One seed per float result.
  std::vector<Array> gradients(const std::vector<Array> &arguments, const std::vector<Array> &seeds,
                               int64_t micro = 0) const;

  /// Runs the prepared splits on the values of one evaluation and compares with the whole. One line
  /// for each that differs; `count`: how many were compared.
  std::string checkSplits(const std::vector<Array> &arguments, const std::vector<Array> &seeds,
                          unsigned seed, int64_t micro, int64_t &count) const;

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace of::test
