// Metrics as TensorBoard reads them: a file of records, each a small protocol buffer.
//
//   record   length u64, masked CRC32C of the length, bytes, masked CRC32C of the bytes
//   Event    wall_time = 1 (double), step = 2 (varint), file_version = 3 | summary = 5
//   Summary  value = 1 {tag = 1, simple_value = 2 (float)}
//
// https://github.com/tensorflow/tensorboard, tensorflow/core/lib/io/record_writer. A resumed run
// begins a file of its own; TensorBoard joins them by step. Used by one thread at a time.
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace of::rt {

/// Of Castagnoli, as in iSCSI: of "123456789" it is 0xe3069283.
uint32_t crc32c(const void *data, size_t bytes);

class EventFile {
public:
  ~EventFile();
  /// A new file "events.out.tfevents.<seconds>.<host>.<process>" in the folder.
  static Result<std::unique_ptr<EventFile>> create(const std::string &folder);

  /// Scalars of a step. They reach the file with `flush`.
  void add(uint64_t step, const std::vector<std::pair<std::string, double>> &values);
  Status flush();
  const std::string &path() const { return path_; }

private:
  explicit EventFile(std::string path, std::FILE *file) : path_(std::move(path)), file_(file) {}
  void write(const std::string &event);

  const std::string path_;
  std::FILE *file_;
};

} // namespace of::rt
