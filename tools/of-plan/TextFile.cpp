#include "tools/of-plan/TextFile.h"

#include "runtime/data/FileBytes.h"

#include <cerrno>
#include <cstring>
#include <fstream>

namespace of::planTool {

Result<std::string> readTextFile(const std::string &path) {
  OF_ASSIGN(const rt::data::FileBytes bytes, rt::data::FileBytes::open(path));
  return std::string(reinterpret_cast<const char *>(bytes.data()), bytes.size());
}

Status writeTextFile(const std::string &path, const std::string &text) {
  std::ofstream out(path, std::ios::binary);
  out << text << std::flush;
  if (!out)
    return Status(Code::Io, path + ": cannot be written: " + std::strerror(errno));
  return Status::ok();
}

} // namespace of::planTool
