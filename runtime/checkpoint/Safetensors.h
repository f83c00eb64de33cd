// The safetensors format: eight bytes of header length, a JSON header {name: {dtype, shape,
// data_offsets}}, the tensors' bytes.
//
// Internal to runtime/checkpoint. https://github.com/huggingface/safetensors
#pragma once

#include "runtime/checkpoint/Snapshot.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace of::rt::checkpoint {

/// Where a tensor lies in a file.
struct StoredTensor {
  TensorInfo info;
  uint64_t offset = 0; ///< of its first byte, from the start of the file
};

/// The header of a file with these tensors one after the other, and the size of the whole file.
/// Padded so that data starts at a multiple of 64 bytes.
struct FileLayout {
  std::string header; ///< with its length in front
  std::vector<StoredTensor> tensors;
  uint64_t fileBytes = 0;
};
FileLayout layOut(const std::vector<TensorInfo> &tensors);

/// Reads and checks the header of an open file.
Result<std::vector<StoredTensor>> readHeader(const std::string &path, int fd);

uint64_t bytesOf(const TensorInfo &tensor);

/// Contiguous runs of `box` in a whole tensor: (element offset in the tensor, element offset in the
/// dense box, elements).
struct Run {
  int64_t whole = 0, part = 0, elements = 0;
};
std::vector<Run> runsOf(const Shape &shape, const Box &box);

Status writeAt(const std::string &path, int fd, const void *data, size_t bytes, uint64_t offset);
Status readAt(const std::string &path, int fd, void *data, size_t bytes, uint64_t offset);

/// XXH3-128 in hex.
std::string digestOf(const void *data, size_t bytes);

Result<std::string> readText(const std::string &path);

/// What the manifest and the reports call a part: {"tensor": name, "begin": […], "end": […],
/// "digest": hex}.
struct Part {
  std::string tensor;
  Box box;
  std::string digest;
};
std::string partsToJson(const std::vector<Part> &parts);
Result<std::vector<Part>> partsFromJson(const std::string &path, const std::string &text);
Result<std::vector<Part>> partsFromJson(const std::string &path, const nlohmann::json &json);

} // namespace of::rt::checkpoint
