// Wrong calls: each is refused with a sentence that names the routine and the number.
#include "test/kernel/RoutineHarness.h"

using namespace of;
using namespace of::rt;
using namespace of::rt::test;
using Catch::Matchers::Contains;

namespace {

Status refusal(const PlanLibrary &library, std::vector<size_t> bytes, int64_t tiles = 1) {
  auto routine = makeRoutine(*library, tiles, bytes);
  REQUIRE_FALSE(routine.isOk());
  CHECK(routine.status().code() == Code::InvalidArgument);
  return routine.status();
}

const std::vector<int64_t> conv = {0, 2, 4, 8, 8, 8, 3, 3, 6, 6, 1, 1, 0, 0, 0, 0, 1, 1, 1};

std::vector<int64_t> convWith(size_t index, int64_t value) {
  std::vector<int64_t> out = conv;
  out[index] = value;
  return out;
}

} // namespace

TEST_CASE("an unknown routine is refused with the known ones") {
  const Status s = refusal(PlanLibrary("matmull", DType::F32, {}), {});
  CHECK_THAT(s.message(), Contains("'matmull'") && Contains("gather_rows"));
  CHECK_FALSE(scratchBytes(*PlanLibrary("matmull", DType::F32, {}), 1).isOk());
}

TEST_CASE("wrong attributes are refused") {
  const std::vector<int64_t> good = {1, 4, 4, 4, 0, 0, 16, 16, 16};
  CHECK_THAT(refusal(PlanLibrary("matmul", DType::F32, {1, 2}), {}).message(),
             Contains("matmul") && Contains("needs 9 integers, has 2"));
  CHECK_THAT(refusal(PlanLibrary("matmul", DType::I32, good), {64, 64, 64}).message(),
             Contains("f32 and f64 only"));
  CHECK_THAT(
      refusal(PlanLibrary("matmul", DType::F32, {2, 4, 4, 4, 0, 0, 16, 16, 0}), {128, 128, 128})
          .message(),
      Contains("overlap"));
  CHECK_THAT(refusal(PlanLibrary("matmul", DType::F32, good), {64, 64, 64}, 0).message(),
             Contains("0 tiles"));
  CHECK_THAT(refusal(PlanLibrary("gather_rows", DType::F32, {1, 1, 1, 5}), {4, 4, 4}).message(),
             Contains("index dtype 5"));
  CHECK_THAT(refusal(PlanLibrary("conv2d_forward", DType::F32, convWith(0, 2)), {}).message(),
             Contains("layout 2"));
  CHECK_THAT(refusal(PlanLibrary("conv2d_forward", DType::F32, convWith(8, 7)), {}).message(),
             Contains("7x6") && Contains("6x6"));
  CHECK_THAT(refusal(PlanLibrary("conv2d_forward", DType::F32, convWith(18, 3)), {}).message(),
             Contains("3 groups"));
}

TEST_CASE("sizes whose product wraps around do not pass for small ones") {
  constexpr int64_t kLarge = (int64_t(1) << 31) - 1, kHuge = int64_t(1) << 62;
  const std::vector<size_t> small = {64, 64, 64};
  CHECK_THAT(
      refusal(PlanLibrary("matmul", DType::F32, {1, kLarge, kLarge, 1, 0, 0, 0, 0, 0}), small)
          .message(),
      Contains("needs"));
  CHECK_THAT(
      refusal(PlanLibrary("matmul", DType::F32, {kHuge, 1, 1, 1, 0, 0, 1, 1, 1}), small).message(),
      Contains("does not fit into 32 bits"));
  CHECK_THAT(
      refusal(PlanLibrary("matmul", DType::F32, {5, 1, 1, 1, 0, 0, kHuge, 1, 1}), small).message(),
      Contains("larger than memory"));
  CHECK_THAT(refusal(PlanLibrary("gather_rows", DType::F32, {1, kHuge, 1, 6}), small).message(),
             Contains("larger than memory"));
  CHECK_THAT(
      refusal(PlanLibrary("gather_rows", DType::F32, {int64_t(1) << 40, int64_t(1) << 40, 1, 6}),
              small)
          .message(),
      Contains("buffer table needs"));
  CHECK_THAT(
      refusal(PlanLibrary("conv2d_forward", DType::F32, convWith(2, kHuge)), small).message(),
      Contains("does not fit into 32 bits"));
  CHECK_THAT(
      refusal(PlanLibrary("conv2d_forward", DType::F32, convWith(1, kLarge)), small).message(),
      Contains("needs"));
}

TEST_CASE("routines say how many scalars they take") {
  CHECK(scalarsOf(*PlanLibrary("gather_rows", DType::F32, {1, 1, 1, 6})) == 1);
  CHECK(scalarsOf(*PlanLibrary("matmul", DType::F32, {})) == 0);
}

TEST_CASE("buffers that are missing or too small are refused, scratch included") {
  const PlanLibrary matmul("matmul", DType::F32, {1, 4, 4, 4, 0, 0, 16, 16, 16});
  CHECK_THAT(refusal(matmul, {64, 60, 64}).message(), Contains("buffer B needs 64 bytes, has 60"));
  CHECK_THAT(refusal(matmul, {64, 64}).message(), Contains("takes 3 buffers, has 2"));
  const PlanLibrary forward("conv2d_forward", DType::F64, conv);
  const size_t scratch = *scratchBytes(*forward, 1);
  REQUIRE(scratch > 0);
  CHECK_THAT(refusal(forward, {4096, 2304, 4608, scratch - 1}).message(),
             Contains("buffer scratch"));
  CHECK(makeRoutine(*forward, 1, {4096, 2304, 4608, scratch}).isOk());
}

TEST_CASE("the libraries say their versions") {
  for (const auto &[name, version] : libraryVersions()) {
    INFO(name);
    CHECK_THAT(version, Catch::Matchers::Matches("[0-9]+\\.[0-9]+\\.[0-9]+.*"));
  }
}
