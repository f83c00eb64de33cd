// Plans that run a model forward: which files its inputs come from and its results go to.
//
//   plan of one batch ──bindInputs──▶ the same plan over all rows of the files ▶ Node ▶ OutputFiles
//
// The compiler knows the shape of a batch and nothing of the data; here the data set of the plan's
// infer program gets its files and samples, and the schedule as many iterations as they take. Pure
// but for reading the headers of the files; any thread.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/plan_generated.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace of::rt {

/// Files by the name of an input or output. An empty name stands for the only one there is.
using NamedFiles = std::map<std::string, std::string>;

/// Whether the plan is to run a model forward.
bool isForward(const plan::Plan &plan);
/// Rows of the inputs that a bound plan reads.
uint64_t forwardSamples(const plan::Plan &plan);

/// The buffer of a plan that reads these npy files, one for each input; a last batch that is not
/// full is padded. InvalidArgument, with what the plan has, for names, types, shapes and numbers of
/// rows that do not fit.
Result<std::vector<uint8_t>> bindInputs(const plan::Plan &plan, const NamedFiles &inputs);

/// The files by the names of outputs. InvalidArgument for one that the plan does not have, or if
/// there is none.
Result<NamedFiles> bindOutputs(const plan::Plan &plan, const NamedFiles &outputs);

} // namespace of::rt
