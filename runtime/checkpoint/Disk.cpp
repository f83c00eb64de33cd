#include "runtime/checkpoint/Disk.h"

#include "runtime/checkpoint/Safetensors.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <mutex>
#include <unistd.h>

namespace of::rt {

namespace fs = std::filesystem;

Disk::~Disk() = default;

namespace {

Status failed(const char *what, const std::string &path, int error) {
  return Status(Code::Io, std::string("cannot ") + what + " " + path + ": " + std::strerror(error));
}

class RealDisk final : public Disk {
public:
  ~RealDisk() override {
    for (const auto &[file, path] : paths_)
      ::close(file);
  }

  Status makeFolder(const std::string &path) override {
    std::error_code error;
    fs::create_directories(path, error);
    return error ? failed("create", path, error.value()) : Status::ok();
  }

  Result<int> open(const std::string &path, uint64_t bytes) override {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
      return failed("create", path, errno);
    if (::ftruncate(file, static_cast<off_t>(bytes)) != 0) {
      const int error = errno;
      ::close(file);
      return failed("create", path, error);
    }
    std::lock_guard<std::mutex> lock(mutex_);
    paths_[file] = path;
    return file;
  }

  Status write(int file, const void *data, size_t bytes, uint64_t offset) override {
    return checkpoint::writeAt(pathOf(file), file, data, bytes, offset);
  }

  Status sync(int file) override {
    return ::fsync(file) == 0 ? Status::ok() : failed("sync", pathOf(file), errno);
  }

  void close(int file) override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (paths_.erase(file))
      ::close(file);
  }

  Status writeText(const std::string &path, const std::string &text, bool synced) override {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0)
      return failed("write", path, errno);
    Status status = checkpoint::writeAt(path, file, text.data(), text.size(), 0);
    if (status.isOk() && synced && ::fsync(file) != 0)
      status = failed("sync", path, errno);
    ::close(file);
    return status;
  }

  Result<std::string> readText(const std::string &path) override {
    return checkpoint::readText(path);
  }

  std::vector<std::string> list(const std::string &folder) override {
    std::vector<std::string> out;
    std::error_code error;
    for (const auto &entry : fs::directory_iterator(folder, error))
      out.push_back(entry.path().filename());
    std::sort(out.begin(), out.end());
    return out;
  }

  bool exists(const std::string &path) override {
    std::error_code error;
    return fs::exists(path, error);
  }

  Status replace(const std::string &from, const std::string &to) override {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0)
      return Status::ok();
    // ENOENT: nothing to exchange with. Others: a file system that cannot exchange, such as NFS;
    // there the old folder goes aside first.
    if (errno != ENOENT && exists(to)) {
      const std::string aside = to + ".old.tmp";
      if (::rename(to.c_str(), aside.c_str()) != 0 || ::rename(from.c_str(), to.c_str()) != 0 ||
          ::rename(aside.c_str(), from.c_str()) != 0)
        return failed("rename", from, errno);
      return Status::ok();
    }
    return ::rename(from.c_str(), to.c_str()) == 0 ? Status::ok() : failed("rename", from, errno);
  }

  Status remove(const std::string &path) override {
    std::error_code error;
    fs::remove_all(path, error);
    return error ? failed("delete", path, error.value()) : Status::ok();
  }

  Status syncFolder(const std::string &path) override {
    const int file = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = file >= 0 && ::fsync(file) == 0;
    const int error = errno;
    if (file >= 0)
      ::close(file);
    return synced ? Status::ok() : failed("sync", path, error);
  }

private:
  std::string pathOf(int file) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto it = paths_.find(file);
    return it == paths_.end() ? std::string() : it->second;
  }

  std::mutex mutex_;
  std::map<int, std::string> paths_; ///< of what is open
};

} // namespace

std::unique_ptr<Disk> Disk::ofThisMachine() { return std::make_unique<RealDisk>(); }

} // namespace of::rt
