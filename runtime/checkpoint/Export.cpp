#include "runtime/checkpoint/Export.h"

#include "runtime/checkpoint/Safetensors.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace of::rt {

Status writeAside(const std::string &path,
                  const std::function<Status(const std::string &aside)> &write) {
  const std::string aside = path + ".part";
  Status status = write(aside);
  if (status.isOk() && std::rename(aside.c_str(), path.c_str()) != 0)
    status = Status(Code::Io, "cannot write " + path + ": " + std::strerror(errno));
  if (!status.isOk())
    ::unlink(aside.c_str());
  return status;
}

static Status writeTensors(const Checkpoint &checkpoint, const std::vector<TensorInfo> &tensors,
                           const std::string &path, int fd) {
  const checkpoint::FileLayout layout = checkpoint::layOut(tensors);
  OF_TRY(checkpoint::writeAt(path, fd, layout.header.data(), layout.header.size(), 0));
  std::vector<std::byte> bytes;
  for (const checkpoint::StoredTensor &tensor : layout.tensors) {
    bytes.resize(checkpoint::bytesOf(tensor.info));
    OF_TRY(checkpoint.read(tensor.info.name, wholeBox(tensor.info.shape), bytes.data()));
    OF_TRY(checkpoint::writeAt(path, fd, bytes.data(), bytes.size(), tensor.offset));
  }
  return Status::ok();
}

Status writeSafetensors(const Checkpoint &checkpoint, const std::vector<TensorInfo> &tensors,
                        const std::string &path) {
  return writeAside(path, [&](const std::string &aside) {
    const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
      return Status(Code::Io, "cannot write " + path + ": " + std::strerror(errno));
    const Status status = writeTensors(checkpoint, tensors, aside, fd);
    ::close(fd);
    return status;
  });
}

} // namespace of::rt
