// A disk that forgets: a file system in memory that keeps apart what was synced and what was not.
//
//   written ──sync──▶ safe            bytes of a file, names of a folder
//      └── power is lost: each write since the last sync survives, is torn or is gone by itself,
//          and so does each change of a name; a rename is one change
//
// It strikes at a given operation; from then on every operation fails, as nobody is left to see it.
// Instead it may be full from a given number of written bytes on. One thread.
#pragma once

#include "runtime/checkpoint/Disk.h"

#include <map>
#include <optional>
#include <random>

namespace of::test {

class PowerDisk final : public rt::Disk {
public:
  explicit PowerDisk(uint64_t seed);

  // What goes wrong.
  void strikeAt(uint64_t operation) { strikeAt_ = operation; }
  void fullAfter(uint64_t bytes) { capacity_ = bytes; }
  /// Power comes back: what was not synced is as chance has it. Without `lost` the process was
  /// killed and the machine went on: everything that was done is there.
  void restart(bool lost);
  uint64_t operations() const { return operations_; }
  uint64_t writtenBytes() const { return written_; }
  bool struck() const { return operations_ > strikeAt_; }

  /// All folders and files, under a folder of the real file system.
  void copyTo(const std::string &folder) const;

  Status makeFolder(const std::string &path) override;
  Result<int> open(const std::string &path, uint64_t bytes) override;
  Status write(int file, const void *data, size_t bytes, uint64_t offset) override;
  Status sync(int file) override;
  void close(int) override {}
  Status writeText(const std::string &path, const std::string &text, bool synced) override;
  Result<std::string> readText(const std::string &path) override;
  std::vector<std::string> list(const std::string &folder) override;
  bool exists(const std::string &path) override { return find(path).has_value(); }
  Status replace(const std::string &from, const std::string &to) override;
  Status remove(const std::string &path) override;
  Status syncFolder(const std::string &path) override;

private:
  using Names = std::map<std::string, std::optional<size_t>>; ///< nothing: no such name
  struct Write {
    uint64_t offset = 0;
    std::string bytes;
    std::optional<uint64_t> size; ///< instead: the file was cut or extended
  };
  struct Entry { ///< a file or a folder
    bool isFolder = false;
    std::string bytes, safeBytes;
    std::vector<Write> writes; ///< since the last sync
    Names names, safeNames;
    std::vector<Names> changes; ///< since the last sync
  };

  Status operate();
  std::optional<size_t> find(const std::string &path) const;
  void change(size_t folder, const Names &names);
  void apply(std::string &bytes, const Write &write) const;
  Status put(size_t file, Write write);
  void copyFolder(size_t folder, const std::string &to) const;

  std::mt19937_64 random_;
  std::vector<Entry> entries_; ///< 0: the root
  uint64_t operations_ = 0, strikeAt_ = UINT64_MAX, written_ = 0, capacity_ = UINT64_MAX;
};

/// Some nodes write checkpoints until power is lost, they are killed or the disk is full, and go on
/// from what is left; more than once. "" or what is wrong.
enum class DiskFault : uint8_t { PowerLost, Full };
std::string runSnapshots(DiskFault fault, uint64_t seed);

} // namespace of::test
