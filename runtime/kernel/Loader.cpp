#include "runtime/kernel/Loader.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
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
  void *address = ::dlsym(handle_, name.c_str());
  if (!address)
    return Status(Code::Corrupt,
                  "the plan's kernel object has no symbol '" + name + "'; compile the plan again");
  return reinterpret_cast<KernelFn>(address);
}

} // namespace of::rt
