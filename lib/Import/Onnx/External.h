// Tensor data in files beside the model, which may only lie in the model's folder.
//
// The kernel keeps paths inside the folder (openat2 with RESOLVE_BENEATH), so neither "..", nor an
// absolute path, nor a symbolic link leads out of it. A range must lie in its file, and no two
// tensors may share bytes. Files stay open as long as a range of them is held.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>
#include <vector>

namespace of::onnx {

/// An open file; closed with its last range.
class OpenFile {
public:
  explicit OpenFile(int descriptor) : descriptor(descriptor) {}
  ~OpenFile();
  OpenFile(const OpenFile &) = delete;
  OpenFile &operator=(const OpenFile &) = delete;

  /// All of `into` from an offset on; false with a reason if the file is shorter by now.
  bool read(uint64_t offset, llvm::MutableArrayRef<char> into, std::string &error) const;

private:
  int descriptor;
};

class ExternalFiles {
public:
  explicit ExternalFiles(llvm::StringRef modelFile);
  ~ExternalFiles();

  struct Range {
    std::shared_ptr<OpenFile> file;
    uint64_t offset = 0;
  };
  /// The `size` bytes of tensor `name` at `offset` of a file. False with a reason in `error`.
  bool open(llvm::StringRef name, llvm::StringRef location, uint64_t offset, uint64_t size,
            Range &range, std::string &error);
  /// False if two ranges share bytes. Once all are open.
  bool checkOverlaps(std::string &error) const;

private:
  struct Known {
    std::string location;
    std::shared_ptr<OpenFile> file;
    uint64_t device = 0, inode = 0, size = 0;
  };
  struct Taken {
    uint64_t device, inode, begin, end;
    std::string name;
  };
  const Known *find(llvm::StringRef location, std::string &error);

  int folder;
  std::string folderName;
  std::vector<Known> files;
  std::vector<Taken> taken;
};

} // namespace of::onnx
