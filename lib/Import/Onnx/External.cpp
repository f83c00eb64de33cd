#include "lib/Import/Onnx/External.h"

#include "llvm/Support/Path.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <tuple>
#include <unistd.h>

using llvm::StringRef;

namespace of::onnx {

OpenFile::~OpenFile() { ::close(descriptor); }

bool OpenFile::read(uint64_t offset, llvm::MutableArrayRef<char> into, std::string &error) const {
  while (!into.empty()) {
    ssize_t count = ::pread(descriptor, into.data(), into.size(), offset);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0) {
      error = count < 0 ? std::string("cannot read external data: ") + std::strerror(errno)
                        : "the file with external data has become shorter";
      return false;
    }
    into = into.drop_front(count);
    offset += count;
  }
  return true;
}

ExternalFiles::ExternalFiles(StringRef modelFile)
    : folderName(llvm::sys::path::parent_path(modelFile)) {
  if (folderName.empty())
    folderName = ".";
  folder = ::open(folderName.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

ExternalFiles::~ExternalFiles() {
  if (folder >= 0)
    ::close(folder);
}

static std::string whyNot(int code) {
  if (code == EXDEV || code == ELOOP)
    return "it leads out of the model's folder; put the file beside the model";
  if (code == ENOSYS)
    return "this kernel cannot keep paths inside a folder (openat2, Linux 5.6); store the tensors "
           "in the model itself";
  return std::strerror(code);
}

const ExternalFiles::Known *ExternalFiles::find(StringRef location, std::string &error) {
  for (const Known &known : files)
    if (known.location == location)
      return &known;
  std::string path = location.str();
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  int descriptor = -1;
  if (path.empty() || path.find('\0') != std::string::npos)
    errno = ENOENT;
  else
    descriptor = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
  if (descriptor < 0) {
    error = "external data '" + path + "' of folder " + folderName + ": " + whyNot(errno);
    return nullptr;
  }
  Known known{path, std::make_shared<OpenFile>(descriptor)};
  struct stat info {};
  if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    error = "external data '" + path + "' of folder " + folderName + " is no regular file";
    return nullptr;
  }
  known.device = info.st_dev;
  known.inode = info.st_ino;
  known.size = info.st_size;
  return &files.emplace_back(std::move(known));
}

bool ExternalFiles::open(StringRef name, StringRef location, uint64_t offset, uint64_t size,
                         Range &range, std::string &error) {
  const Known *file = find(location, error);
  if (!file)
    return false;
  if (offset > file->size || size > file->size - offset) {
    error = "external data '" + location.str() + "' has " + std::to_string(file->size) +
            " bytes, too few for " + std::to_string(size) + " at " + std::to_string(offset);
    return false;
  }
  if (size)
    taken.push_back({file->device, file->inode, offset, offset + size, name.str()});
  range = {file->file, offset};
  return true;
}

bool ExternalFiles::checkOverlaps(std::string &error) const {
  std::vector<Taken> sorted = taken;
  std::sort(sorted.begin(), sorted.end(), [](const Taken &a, const Taken &b) {
    return std::tie(a.device, a.inode, a.begin, a.name) <
           std::tie(b.device, b.inode, b.begin, b.name);
  });
  for (size_t i = 1; i < sorted.size(); ++i) {
    const Taken &a = sorted[i - 1], &b = sorted[i];
    if (a.device != b.device || a.inode != b.inode || b.begin >= a.end)
      continue;
    error = "external data of '" + a.name + "' and '" + b.name +
            "' overlaps; each tensor needs bytes of its own";
    return false;
  }
  return true;
}

} // namespace of::onnx
