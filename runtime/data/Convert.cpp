#include "runtime/data/Convert.h"

#include <array>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <type_traits>

namespace of::rt::data {

namespace {

using Fn = void (*)(const Converter &, const uint8_t *, void *, size_t);

template <typename From> From load(const uint8_t *at) {
  From value;
  std::memcpy(&value, at, sizeof(From));
  return value;
}

/// Of integers the nearest there is; 0 for what is no number.
template <typename To> To nearest(double value) {
  using Limits = std::numeric_limits<To>;
  const double whole = std::nearbyint(value);
  if (whole >= static_cast<double>(Limits::max()))
    return Limits::max();
  if (whole > static_cast<double>(Limits::min()))
    return static_cast<To>(whole);
  return std::isnan(whole) ? 0 : Limits::min();
}

template <typename To> To rounded(double value) {
  if constexpr (std::is_same_v<To, bool>)
    return value != 0;
  else if constexpr (std::is_integral_v<To>)
    return nearest<To>(value);
  else
    return static_cast<To>(value);
}

template <typename From, typename To>
void scaled(const Converter &c, const uint8_t *from, void *to, size_t count) {
  To *out = static_cast<To *>(to);
  const auto convert = [&](From v) {
    return rounded<To>(static_cast<double>(v) * c.scale() + c.shift());
  };
  if constexpr (sizeof(From) == 1) { // 256 values: a table
    std::array<To, 256> table;
    for (size_t i = 0; i < table.size(); ++i)
      table[i] = convert(static_cast<From>(static_cast<uint8_t>(i)));
    for (size_t i = 0; i < count; ++i)
      out[i] = table[from[i]];
  } else {
    for (size_t i = 0; i < count; ++i)
      out[i] = convert(load<From>(from + i * sizeof(From)));
  }
}

template <typename From, typename To>
void plain(const Converter &, const uint8_t *from, void *to, size_t count) {
  if constexpr (std::is_same_v<From, To>) {
    std::memcpy(to, from, count * sizeof(To));
  } else {
    To *out = static_cast<To *>(to);
    for (size_t i = 0; i < count; ++i) {
      const From value = load<From>(from + i * sizeof(From));
      if constexpr (std::is_integral_v<From>)
        out[i] = static_cast<To>(value);
      else
        out[i] = rounded<To>(static_cast<double>(value));
    }
  }
}

template <typename From, typename To> Fn pickScaling(bool scales) {
  return scales ? scaled<From, To> : plain<From, To>;
}

template <typename From> Fn pickTo(DType to, bool scales) {
  switch (to) {
  case DType::F32:
    return pickScaling<From, float>(scales);
  case DType::F64:
    return pickScaling<From, double>(scales);
  case DType::I8:
    return pickScaling<From, int8_t>(scales);
  case DType::U8:
    return pickScaling<From, uint8_t>(scales);
  case DType::I32:
    return pickScaling<From, int32_t>(scales);
  case DType::I64:
    return pickScaling<From, int64_t>(scales);
  case DType::Bool:
    return pickScaling<From, bool>(scales);
  case DType::F16:
  case DType::BF16:
    return nullptr;
  }
  return nullptr;
}

Fn pick(StoredType from, DType to, bool scales) {
  switch (from) {
  case StoredType::U8:
  case StoredType::Bool:
    return pickTo<uint8_t>(to, scales);
  case StoredType::I8:
    return pickTo<int8_t>(to, scales);
  case StoredType::U16:
    return pickTo<uint16_t>(to, scales);
  case StoredType::I16:
    return pickTo<int16_t>(to, scales);
  case StoredType::U32:
    return pickTo<uint32_t>(to, scales);
  case StoredType::I32:
    return pickTo<int32_t>(to, scales);
  case StoredType::I64:
    return pickTo<int64_t>(to, scales);
  case StoredType::F32:
    return pickTo<float>(to, scales);
  case StoredType::F64:
    return pickTo<double>(to, scales);
  }
  return nullptr;
}

} // namespace

Result<Converter> Converter::create(StoredType from, DType to, double scale, double shift) {
  const Fn fn = pick(from, to, scale != 1 || shift != 0);
  if (!fn)
    return Status(Code::InvalidArgument,
                  fmt::format("a reader does not produce {}; read f32 and cast in the model",
                              of::nameOf(to)));
  return Converter(fn, scale, shift);
}

} // namespace of::rt::data
