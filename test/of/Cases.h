// Cases of the operator oracle, made by PyTorch when the test runs (test/of/oracle).
#pragma once

#include "test/of/Evaluator.h"

namespace of::test {

struct Case {
  std::string name, text;
  bool known;           ///< results are there; without, only finite differences are a check
  bool differentiable;  ///< has gradients
  bool settlesGradient; ///< differentiable, or there is nothing to differentiate
  bool smooth;          ///< finite differences see the gradient too
  int64_t micro;        ///< index of the micro-batch it runs in
  std::vector<Array> arguments, seeds, results, gradients;
};

/// Runs oracle.py for these families with Catch's seed. Fails the test with the script's output.
/// `folder`: where it and the families lie.
std::vector<Case> casesOf(const std::vector<std::string> &families,
                          const std::string &folder = OF_ORACLE_FOLDER);

/// All families there are: the scripts beside oracle.py.
std::vector<std::string> allFamilies();

} // namespace of::test
