// ONNX models as text of `of` ops, for tests that run them with test/of/Evaluator.h.
//
// No MLIR in this header, so that Catch and the compiler never meet in one file.
#pragma once

#include "test/of/Evaluator.h"

namespace of::test {

/// An op of ONNX that can be imported, and whether a gradient flows through it.
struct OnnxOp {
  std::string name;
  bool hasGradient;
};
std::vector<OnnxOp> opsOfOnnx();

/// The model in these bytes. Its parameters become arguments behind the others; their values are
/// added. Empty with a reason in `errors`.
std::string importOnnx(const std::string &bytes, std::vector<Array> &arguments,
                       std::string &errors);

} // namespace of::test
