// Element types of tensors as both halves know them: the compiler's dialects and the runtime's
// schema.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace of {

/// Same order and values as plan::DType.
enum class DType : uint8_t { F32, F64, F16, BF16, I8, U8, I32, I64, Bool };

/// Bytes of one element; bool takes one byte.
constexpr size_t sizeOf(DType t) {
  switch (t) {
  case DType::F64:
  case DType::I64:
    return 8;
  case DType::F32:
  case DType::I32:
    return 4;
  case DType::F16:
  case DType::BF16:
    return 2;
  case DType::I8:
  case DType::U8:
  case DType::Bool:
    return 1;
  }
  return 0;
}

constexpr std::string_view nameOf(DType t) {
  constexpr std::string_view names[] = {"f32", "f64", "f16", "bf16", "i8",
                                        "u8",  "i32", "i64", "bool"};
  return names[static_cast<size_t>(t)];
}

} // namespace of
