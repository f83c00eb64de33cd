// The plan file: a fixed header and one FlatBuffers buffer (plan.fbs).
//
//   0   magic "OFPLAN\r\n"      8 bytes; the line end shows a file that was copied as text
//   8   format version          4 bytes, little-endian
//   12  zero                    4 bytes
//   16  length of the buffer    8 bytes
//   24  XXH3-128 of the buffer  16 bytes, canonical order
//   40  zero                    24 bytes
//   64  the buffer
//
// Opening checks all of it and that every offset of the buffer stays inside it; whether the plan
// makes sense is for the semantic verifier. The file is mapped, so a node touches only its own
// part. Moved but not copied; immutable, any thread may read.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/plan_generated.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace of::rt {

/// A file of another version was made by another of-compile and is refused.
constexpr uint32_t kPlanVersion = 2;

class PlanFile {
public:
  PlanFile() = default;
  PlanFile(PlanFile &&other) noexcept { *this = std::move(other); }
  PlanFile &operator=(PlanFile &&other) noexcept;
  ~PlanFile();

  /// Io if it cannot be read, Corrupt if it is no plan, cut short or altered, Refused if it is of
  /// another version.
  static Result<PlanFile> open(const std::string &path);

  const plan::Plan &plan() const { return *plan_; }
  /// Digest of the buffer in hex; equal digests are equal plans.
  const std::string &digest() const { return digest_; }

private:
  std::byte *data_ = nullptr;
  size_t bytes_ = 0;
  const plan::Plan *plan_ = nullptr;
  std::string digest_;
};

/// The whole file for a finished buffer.
std::vector<uint8_t> sealPlan(const uint8_t *buffer, size_t bytes);

/// Whether what is written aside may be renamed to this: nothing is there, or a plain file. A
/// device or a pipe, as /dev/null, is written itself: a rename would put a file in its place.
bool isReplaceable(const std::string &path);

/// Writes a sealed plan so that a broken-off write leaves no plan behind.
Status writePlan(const std::string &path, const plan::PlanT &plan);

} // namespace of::rt
