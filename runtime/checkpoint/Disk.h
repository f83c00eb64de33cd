// The file system as the writer of checkpoints sees it, so that a simulated one can lose power,
// tear what was not synced, or be full (test/sim/faults).
//
// What a disk promises is what POSIX does: bytes are safe after `sync` of their file, names after
// `syncFolder` of their folder, and nothing else is. All errors are Code::Io with path and reason.
// Used by one writer at a time; `write` may be called from several threads.
#pragma once

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace of::rt {

class Disk {
public:
  virtual ~Disk();
  /// The file system of this machine.
  static std::unique_ptr<Disk> ofThisMachine();

  /// The folder and those above it; no error if it is there.
  virtual Status makeFolder(const std::string &path) = 0;
  /// Opens a file for writing, at least so long; keeps what is in it. Returns its handle.
  virtual Result<int> open(const std::string &path, uint64_t bytes) = 0;
  virtual Status write(int file, const void *data, size_t bytes, uint64_t offset) = 0;
  virtual Status sync(int file) = 0;
  virtual void close(int file) = 0;

  /// Writes a small file from its beginning; what was in it is gone.
  virtual Status writeText(const std::string &path, const std::string &text, bool synced) = 0;
  virtual Result<std::string> readText(const std::string &path) = 0;

  /// Names in a folder, sorted; none if it is not there.
  virtual std::vector<std::string> list(const std::string &folder) = 0;
  virtual bool exists(const std::string &path) = 0;
  /// `to` becomes the folder `from`; where `to` exists, it is one of the two at every moment, and
  /// `from` is then the old one.
  virtual Status replace(const std::string &from, const std::string &to) = 0;
  /// A file, or a folder with all in it; no error if it is not there.
  virtual Status remove(const std::string &path) = 0;
  virtual Status syncFolder(const std::string &path) = 0;
};

} // namespace of::rt
