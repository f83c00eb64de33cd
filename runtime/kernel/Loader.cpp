#include "runtime/kernel/Loader.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace of::rt {

namespace {

/// A descriptor with the object's bytes and the path under which dlopen finds it.
class ObjectFile {
public:
  ~ObjectFile() {
    if (fd_ >= 0)
      ::close(fd_);
    if (unlink_)
      ::unlink(path_.c_str());
  }
  const std::string &path() const { return path_; }
  int release() { return std::exchange(fd_, -1); }

  bool openSealed(const void *data, size_t bytes) {
    fd_ = ::memfd_create("of-kernels", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd_ < 0 || !write(data, bytes))
      return false;
    path_ = "/proc/self/fd/" + std::to_string(fd_);
    return ::fcntl(fd_, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0;
  }

  bool openPrivate(const void *data, size_t bytes) {
    const char *folder = std::getenv("TMPDIR");
    path_ = std::string(folder && *folder ? folder : "/tmp") + "/of-kernels-XXXXXX";
    fd_ = ::mkstemp(path_.data());
    unlink_ = fd_ >= 0;
    return fd_ >= 0 && write(data, bytes);
  }

private:
  bool write(const void *data, size_t bytes) {
    const char *at = static_cast<const char *>(data);
    while (bytes > 0) {
      const ssize_t n = ::write(fd_, at, bytes);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return false;
      at += n;
      bytes -= static_cast<size_t>(n);
    }
    return true;
  }

  int fd_ = -1;
  std::string path_;
  bool unlink_ = false;
};

/// Whether all that the dynamic linker maps or reads lies in the object: what it would look for
/// beyond the end of a cut one ends the process.
bool isWhole(const void *data, size_t bytes) {
  const auto lies = [&](uint64_t offset, uint64_t size) {
    return offset <= bytes && size <= bytes - offset;
  };
  Elf64_Ehdr head;
  if (bytes < sizeof head)
    return false;
  std::memcpy(&head, data, sizeof head);
  if (std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_phentsize != sizeof(Elf64_Phdr) ||
      !lies(head.e_phoff, uint64_t(head.e_phnum) * head.e_phentsize) ||
      !lies(head.e_shoff, uint64_t(head.e_shnum) * head.e_shentsize))
    return false;
  for (uint64_t i = 0; i < head.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, static_cast<const char *>(data) + head.e_phoff + i * sizeof segment,
                sizeof segment);
    if (!lies(segment.p_offset, segment.p_filesz))
      return false;
  }
  return true;
}

} // namespace

bool cpuSupports(const std::string &isa) {
#if defined(__x86_64__)
  if (isa == "x86-64")
    return true;
  if (isa == "x86-64-v2")
    return __builtin_cpu_supports("x86-64-v2");
  if (isa == "x86-64-v3")
    return __builtin_cpu_supports("x86-64-v3");
  if (isa == "x86-64-v4")
    return __builtin_cpu_supports("x86-64-v4");
#endif
  return false;
}

KernelObject::~KernelObject() {
  ::dlclose(handle_);
  ::close(fd_);
}

Result<std::unique_ptr<KernelObject>> KernelObject::load(const std::string &isa, const void *data,
                                                         size_t bytes) {
  if (!cpuSupports(isa))
    return Status(Code::Refused, "the plan's kernels are compiled for " + isa +
                                     ", which this CPU does not support; compile for this cluster");
  if (!isWhole(data, bytes))
    return Status(Code::Corrupt, "a kernel object of the plan is cut short or no shared object; "
                                 "compile the plan again");
  std::string why;
  for (const bool sealed : {true, false}) {
    ObjectFile file;
    const bool written = sealed ? file.openSealed(data, bytes) : file.openPrivate(data, bytes);
    if (!written) {
      why = std::strerror(errno);
      continue;
    }
    if (void *handle = ::dlopen(file.path().c_str(), RTLD_NOW | RTLD_LOCAL))
      return std::unique_ptr<KernelObject>(new KernelObject(handle, file.release()));
    why = ::dlerror();
  }
  return Status(Code::Corrupt, "cannot load a kernel object of the plan: " + why);
}

Result<KernelFn> KernelObject::symbol(const std::string &name) const {
  // The linker would look for what stands before the zero.
  void *address = name.find('\0') == std::string::npos ? ::dlsym(handle_, name.c_str()) : nullptr;
  if (!address)
    return Status(Code::Corrupt,
                  "the plan's kernel object has no symbol '" + name + "'; compile the plan again");
  return reinterpret_cast<KernelFn>(address);
}

} // namespace of::rt
