// Tensors of an ONNX file: their type, checked, and their elements, wherever they are stored.
#pragma once

#include "lib/Import/Onnx/External.h"
#include "lib/Import/Onnx/Proto.h"
#include "lib/Import/Weights.h"

#include "mlir/IR/BuiltinAttributes.h"

namespace of::onnx {

/// The element type an ONNX one stands for, or null: there is no such one here.
mlir::Type elementTypeOf(int64_t code, mlir::MLIRContext *context);
/// Its name in ONNX, for messages.
std::string nameOfElementType(int64_t code);

/// Why dims are no shape, or "": negative, too many, or more elements than 2^40.
std::string problemOfShape(llvm::ArrayRef<int64_t> dims);

/// A tensor whose type and size are checked. Borrows the model's bytes or holds a file open.
struct StoredTensor {
  mlir::RankedTensorType type;
  Weights::Read read;

  /// The elements as an attribute. False with a reason.
  bool load(mlir::DenseElementsAttr &elements, std::string &error) const;
};

/// False with a reason in `error`.
bool openTensor(const TensorProto &tensor, ExternalFiles &files, mlir::MLIRContext *context,
                StoredTensor &out, std::string &error);

/// Bytes of a constant as files hold them, to be read as a weight.
Weights::Read readerOf(mlir::DenseElementsAttr elements);

} // namespace of::onnx
