// of-run export: a checkpoint for other programs.
#pragma once

#include "runtime/base/Status.h"

#include <string>

namespace of::run {

struct ExportOptions {
  std::string checkpoint; ///< itself, or a folder whose newest one is meant
  std::string plan;       ///< whose parameters and buffers are wanted; empty: all tensors
  std::string onnx;       ///< model that gets the values; empty: safetensors
  std::string out = "model.safetensors";
};

Status exportCheckpoint(const ExportOptions &options);

} // namespace of::run
