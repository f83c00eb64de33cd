#include "runtime/checkpoint/Export.h"

#include "runtime/checkpoint/Safetensors.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace of::rt {

Status writeSafetensors(const Checkpoint &checkpoint, const std::vector<TensorInfo> &tensors,
                        const std::string &path) {
  const std::string aside = path + ".part";
  const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0)
    return Status(Code::Io, "cannot write " + path + ": " + std::strerror(errno));
  const checkpoint::FileLayout layout = checkpoint::layOut(tensors);
  Status status = checkpoint::writeAt(aside, fd, layout.header.data(), layout.header.size(), 0);
  std::vector<std::byte> bytes;
  for (const checkpoint::StoredTensor &tensor : layout.tensors) {
    if (!status.isOk())
      break;
    bytes.resize(checkpoint::bytesOf(tensor.info));
    status = checkpoint.read(tensor.info.name, wholeBox(tensor.info.shape), bytes.data());
    if (status.isOk())
      status = checkpoint::writeAt(aside, fd, bytes.data(), bytes.size(), tensor.offset);
  }
  ::close(fd);
  if (status.isOk() && std::rename(aside.c_str(), path.c_str()) != 0)
    status = Status(Code::Io, "cannot write " + path + ": " + std::strerror(errno));
  if (!status.isOk())
    ::unlink(aside.c_str());
  return status;
}

} // namespace of::rt
