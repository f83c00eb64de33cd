// An input as a file, for readers that take a path: it lies in memory and is used again and again.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

namespace of::fuzz {

class InputFile {
public:
  InputFile() : fd_(::memfd_create("input", MFD_CLOEXEC)) {}
  ~InputFile() { ::close(fd_); }
  InputFile(const InputFile &) = delete;
  InputFile &operator=(const InputFile &) = delete;

  void assign(std::string_view bytes) {
    const bool good = ::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, bytes.data(), bytes.size(), 0) ==
                                                      static_cast<ssize_t>(bytes.size());
    if (!good) // no memory for it: the inputs after this one would mean nothing
      std::abort();
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

private:
  const int fd_;
};

} // namespace of::fuzz
