#include "tools/of-plan/TextFile.h"

#include "runtime/data/FileBytes.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace of::planTool {

Result<std::string> readTextFile(const std::string &path) {
  OF_ASSIGN(const rt::data::FileBytes bytes, rt::data::FileBytes::open(path));
  return std::string(reinterpret_cast<const char *>(bytes.data()), bytes.size());
}

Status writeTextFile(const std::string &path, const std::string &text) {
  // Aside and renamed, but for what is no plain file, as /dev/stdout.
  std::error_code error;
  const bool isPlain =
      !std::filesystem::exists(path, error) || std::filesystem::is_regular_file(path, error);
  const std::string aside = isPlain ? path + ".tmp" : path;
  std::ofstream out(aside, std::ios::binary);
  out << text << std::flush;
  out.close();
  if (out && (!isPlain || std::rename(aside.c_str(), path.c_str()) == 0))
    return Status::ok();
  const Status status(Code::Io, path + ": cannot be written: " + std::strerror(errno));
  if (isPlain)
    std::filesystem::remove(aside, error);
  return status;
}

} // namespace of::planTool
