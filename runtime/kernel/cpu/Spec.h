// A routine's attributes by value, and the checks that every routine makes on them.
//
// Internal to runtime/kernel. Pure.
#pragma once

#include "runtime/base/DType.h"
#include "runtime/base/Sizes.h"
#include "runtime/base/Status.h"
#include "runtime/schema/plan_generated.h"

#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

namespace of::rt::kernel {

/// plan::Library without the FlatBuffers accessors.
struct Spec {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> ints;
  std::vector<double> floats;
};

Spec specOf(const plan::Library &library);

/// InvalidArgument: "routine matmul of f32: <what>; compile the plan again for this version".
Status malformed(const Spec &spec, const std::string &what);

/// The routine has this many integers and at most this many floats.
Status checkAttributes(const Spec &spec, size_t ints, size_t maxFloats);

/// The product of sizes that are not negative, or a number that no buffer has if it is larger.
inline int64_t productOf(std::initializer_list<int64_t> sizes) {
  const std::optional<uint64_t> product = bytesOfShape(Shape(sizes), 1);
  return product ? static_cast<int64_t>(*product) : std::numeric_limits<int64_t>::max() / 4;
}
/// Each of these sizes is from 0 to 2^31 - 1, as far as the libraries count.
Status checkSizes(const Spec &spec, std::initializer_list<int64_t> sizes);

/// What a routine needs of one buffer.
struct BufferNeed {
  const char *name;
  int64_t bytes;
};

/// There is one buffer for each need, none of them smaller. A trailing scratch that needs nothing
/// may be missing.
Status checkBuffers(const Spec &spec, const std::vector<BufferNeed> &needs,
                    const std::vector<size_t> &bytes);

/// Alignment of everything placed inside a scratch buffer.
constexpr size_t scratchAlignment = 64;
constexpr size_t alignScratch(size_t bytes) {
  return (bytes + scratchAlignment - 1) / scratchAlignment * scratchAlignment;
}

} // namespace of::rt::kernel
