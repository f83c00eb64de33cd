#include "test/of/Values.h"

#include "dialects/Of/Of.h"

using namespace mlir;

namespace of::test {

template <typename T> static T &at(const Buffer &buffer, int64_t index) {
  return reinterpret_cast<T *>(const_cast<char *>(buffer.bytes.data()))[index];
}

// Calls f with a reference to the element in its own type.
template <typename F> static void visit(const Buffer &buffer, int64_t index, F f) {
  switch (dtypeOf(buffer.type.getElementType())) {
  case DType::F32:
    return f(at<float>(buffer, index));
  case DType::F64:
    return f(at<double>(buffer, index));
  case DType::I64:
    return f(at<int64_t>(buffer, index));
  case DType::I32:
    return f(at<int32_t>(buffer, index));
  case DType::I8:
    return f(at<int8_t>(buffer, index));
  case DType::U8:
  case DType::Bool:
    return f(at<uint8_t>(buffer, index));
  case DType::F16:
  case DType::BF16:
    llvm::report_fatal_error("halves have no C++ type");
  }
}

static bool isHalf(Type element) { return element.isF16() || element.isBF16(); }

double valueOfHalf(Type type, uint16_t bits) {
  llvm::APFloat value(cast<FloatType>(type).getFloatSemantics(), llvm::APInt(16, bits));
  return FloatAttr::get(type, value).getValueAsDouble();
}

static uint16_t halfOf(Type type, double value) {
  llvm::APFloat half = cast<FloatAttr>(FloatAttr::get(type, value)).getValue();
  return half.bitcastToAPInt().getZExtValue();
}

double get(const Buffer &buffer, int64_t index) {
  if (Type element = buffer.type.getElementType(); isHalf(element))
    return valueOfHalf(element, at<uint16_t>(buffer, index));
  double out = 0;
  visit(buffer, index, [&](auto &element) { out = static_cast<double>(element); });
  return out;
}

void set(Buffer &buffer, int64_t index, double value) {
  if (Type element = buffer.type.getElementType(); isHalf(element)) {
    at<uint16_t>(buffer, index) = halfOf(element, value);
    return;
  }
  visit(buffer, index, [&](auto &element) {
    element = static_cast<std::remove_reference_t<decltype(element)>>(value);
  });
}

Buffer toBuffer(const Array &array, Type type) {
  Buffer buffer = makeBuffer(cast<RankedTensorType>(type));
  if (buffer.type.getNumElements() != static_cast<int64_t>(array.values.size()))
    llvm::report_fatal_error("an argument has another size than its type");
  for (auto [i, value] : llvm::enumerate(array.values))
    set(buffer, i, value);
  return buffer;
}

Array toArray(const Buffer &buffer) {
  Array out;
  out.shape.assign(buffer.type.getShape().begin(), buffer.type.getShape().end());
  for (int64_t i = 0; i < buffer.type.getNumElements(); ++i)
    out.values.push_back(get(buffer, i));
  return out;
}

} // namespace of::test
