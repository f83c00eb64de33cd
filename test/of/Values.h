// Values of a run of the evaluator, and their conversion from and to doubles.
#pragma once

#include "test/of/Evaluator.h"
#include "test/of/OpKernels.h"

namespace of::test {

using Values = llvm::DenseMap<mlir::Value, Buffer>;

Buffer toBuffer(const Array &array, mlir::Type type);
Array toArray(const Buffer &buffer);

/// Element as a double, whatever its type; and back.
double get(const Buffer &buffer, int64_t index);
void set(Buffer &buffer, int64_t index, double value);
/// The number that an f16 or bf16 has in these bits.
double valueOfHalf(mlir::Type type, uint16_t bits);

} // namespace of::test
