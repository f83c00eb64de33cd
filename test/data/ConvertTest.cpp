#include "runtime/data/Convert.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>

using namespace of;
using namespace of::rt::data;

namespace {

template <typename To, typename From>
std::vector<To> converted(StoredType type, DType dtype, const std::vector<From> &from, double scale,
                          double shift) {
  auto converter = Converter::create(type, dtype, scale, shift);
  REQUIRE(converter.isOk());
  // One byte off: a file's elements are not aligned.
  std::vector<uint8_t> bytes(1 + from.size() * sizeof(From));
  std::memcpy(bytes.data() + 1, from.data(), from.size() * sizeof(From));
  std::vector<To> out(from.size());
  converter->run(bytes.data() + 1, out.data(), from.size());
  return out;
}

} // namespace

TEST_CASE("values are computed in f64 and rounded once") {
  CHECK(converted<float, uint8_t>(StoredType::U8, DType::F32, {0, 1, 128, 255}, 1.0 / 255, -0.5) ==
        std::vector<float>{-0.5f, static_cast<float>(1.0 / 255 - 0.5),
                           static_cast<float>(128 * (1.0 / 255) - 0.5),
                           static_cast<float>(255 * (1.0 / 255) - 0.5)});
  CHECK(converted<double, int16_t>(StoredType::I16, DType::F64, {-3, 7}, 0.1, 0) ==
        std::vector<double>{-3 * 0.1, 7 * 0.1});
  CHECK(converted<float, int8_t>(StoredType::I8, DType::F32, {-128, 127}, 2, 1) ==
        std::vector<float>{-255, 255});
}

TEST_CASE("integers that are not scaled stay exact") {
  const int64_t big = (int64_t(1) << 60) + 1;
  CHECK(converted<int64_t, int64_t>(StoredType::I64, DType::I64, {big, -big}, 1, 0) ==
        std::vector<int64_t>{big, -big});
  CHECK(converted<int64_t, uint32_t>(StoredType::U32, DType::I64, {4000000000u}, 1, 0) ==
        std::vector<int64_t>{4000000000});
  CHECK(converted<int32_t, uint16_t>(StoredType::U16, DType::I32, {65535}, 1, 0) ==
        std::vector<int32_t>{65535});
}

TEST_CASE("scaled values become integers by rounding, and booleans by being non-zero") {
  CHECK(converted<int32_t, float>(StoredType::F32, DType::I32, {1.4f, 2.5f, -1.6f}, 1, 0) ==
        std::vector<int32_t>{1, 2, -2});
  CHECK(converted<int64_t, uint8_t>(StoredType::U8, DType::I64, {1, 26}, 1, -1) ==
        std::vector<int64_t>{0, 25});
  CHECK(converted<uint8_t, uint8_t>(StoredType::Bool, DType::Bool, {0, 1, 7}, 1, 0) ==
        std::vector<uint8_t>{0, 1, 1});
}

TEST_CASE("what no integer is near goes to the last one, on every machine alike") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(converted<int8_t, double>(StoredType::F64, DType::I8, {127.4, 128, -128.4, -129, inf}, 1,
                                  0) == std::vector<int8_t>{127, 127, -128, -128, 127});
  CHECK(converted<int64_t, double>(StoredType::F64, DType::I64, {1e19, -1e19, -inf, std::nan("")},
                                   1,
                                   0) == std::vector<int64_t>{INT64_MAX, INT64_MIN, INT64_MIN, 0});
  CHECK(converted<uint8_t, uint8_t>(StoredType::U8, DType::U8, {1, 200}, 2, -3) ==
        std::vector<uint8_t>{0, 255});
}

TEST_CASE("half types are left to the model") {
  CHECK_FALSE(Converter::create(StoredType::U8, DType::F16, 1, 0).isOk());
  CHECK_FALSE(Converter::create(StoredType::F32, DType::BF16, 1, 0).isOk());
}
