// Checkpoints for other programs: one safetensors file, or the ONNX model that was trained.
//
// Both are written aside and renamed. Tensors are read one at a time. Any thread.
#pragma once

#include "runtime/checkpoint/Checkpoint.h"

#include <functional>
#include <string_view>

namespace of::rt {

/// `write` makes the file at a path beside, which then takes the place of `path`. Nothing is left
/// of one that fails.
Status writeAside(const std::string &path,
                  const std::function<Status(const std::string &aside)> &write);

/// One safetensors file with these tensors of the checkpoint, in this order.
Status writeSafetensors(const Checkpoint &checkpoint, const std::vector<TensorInfo> &tensors,
                        const std::string &path);

/// The ONNX model `model` with the checkpoint's values in the place of its own: of every
/// initialiser that the checkpoint has, and of what an Identity makes another name of an
/// initialiser for. Everything else stays as it is, byte for byte. InvalidArgument if shapes or
/// types differ or the checkpoint has nothing of the model; Refused for what does not fit into one
/// protobuf (2 GiB).
Status writeOnnx(const Checkpoint &checkpoint, const std::string &model, const std::string &path);

/// The same from bytes to bytes; `folder` is where the model's external files lie, and whether the
/// result will lie there, too.
Result<std::string> withValuesOf(const Checkpoint &checkpoint, std::string_view model,
                                 const std::string &folder, bool staysInFolder);

} // namespace of::rt
