// First values of parameters that come with a model, on their way into a safetensors file.
//
//   model.onnx ─▶ Weights {name, type, where the bytes are} ─▶ job.safetensors beside the plan
//
// The bytes stay where they are until they are written, block by block; whoever reads them keeps
// the files open. Used by one thread.
#pragma once

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Location.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace of {

class Weights {
public:
  /// Fills a block with the tensor's bytes from an offset on, or says in `error` why it cannot.
  using Read =
      std::function<bool(uint64_t offset, llvm::MutableArrayRef<char> into, std::string &error)>;

  /// `type`: of the stored bytes, little-endian, a bool in one byte.
  void add(llvm::StringRef name, mlir::RankedTensorType type, Read read);
  /// Drops what the model does not use after all.
  void keepOnly(llvm::function_ref<bool(llvm::StringRef name)> isUsed);
  /// f32 is written as f64.
  void widen() { isWide = true; }
  /// Keeps what the bytes lie in.
  void hold(std::shared_ptr<void> memory) { held.push_back(std::move(memory)); }
  bool empty() const { return tensors.empty(); }
  /// The bytes of one, or nothing if there is none or it cannot be read.
  std::optional<std::vector<char>> bytesOf(llvm::StringRef name) const;

  /// Writes the file aside and renames it, so that it is whole or not there.
  mlir::LogicalResult write(mlir::Location loc, llvm::StringRef path) const;

private:
  struct Tensor {
    std::string name;
    mlir::RankedTensorType type;
    Read read;
  };
  bool isWidened(const Tensor &tensor) const;
  uint64_t storedBytes(const Tensor &tensor) const;
  std::string header() const;
  bool copy(const Tensor &tensor, llvm::raw_ostream &out, llvm::function_ref<void()> written,
            std::string &error) const;

  std::vector<Tensor> tensors;
  std::vector<std::shared_ptr<void>> held;
  bool isWide = false;
};

/// Bytes of one element in files: a bool takes one.
inline uint64_t elementBytes(mlir::Type element) {
  return (element.getIntOrFloatBitWidth() + 7) / 8;
}

} // namespace of
