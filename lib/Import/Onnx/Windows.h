// Windows over images as ONNX ops describe them: kernel, strides, dilations, pads.
//
// Images of one space dim become ones of height 1 and back. Three space dims have no op here.
#pragma once

#include "lib/Import/Onnx/NodeContext.h"

namespace of::onnx {

struct Windows {
  Ints kernel, strides, dilations; ///< two each
  Ints pads;                       ///< top, left, bottom, right
  bool isLine = false;             ///< one space dim

  llvm::SmallVector<mlir::NamedAttribute> attributes(NodeContext &n, bool withKernel) const;
};

/// What the node says for images of this type; `kernel`: where it does not say. Nothing after an
/// error. Transposed convolutions read their pads themselves.
std::optional<Windows> windowsOf(NodeContext &n, mlir::RankedTensorType images,
                                 std::optional<Ints> kernel, bool readPads = true);

/// [n, c, w] as [n, c, 1, w].
Value asImages(NodeContext &n, Value line);
/// And back.
Value asLine(NodeContext &n, Value images);

} // namespace of::onnx
