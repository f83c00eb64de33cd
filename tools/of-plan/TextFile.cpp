#include "tools/of-plan/TextFile.h"

#include "runtime/data/FileBytes.h"
#include "runtime/schema/PlanFile.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace of::planTool {

Result<std::string> readTextFile(const std::string &path) {
  OF_ASSIGN(const rt::data::FileBytes bytes, rt::data::FileBytes::open(path));
  return std::string(reinterpret_cast<const char *>(bytes.data()), bytes.size());
}

Status writeTextFile(const std::string &path, const std::string &text) {
  const bool isPlain = rt::isReplaceable(path);
  const std::string aside = isPlain ? path + ".tmp" : path;
  std::ofstream out(aside, std::ios::binary);
  out << text << std::flush;
  out.close();
  if (out && (!isPlain || std::rename(aside.c_str(), path.c_str()) == 0))
    return Status::ok();
  const Status status(Code::Io, path + ": cannot be written: " + std::strerror(errno));
  if (isPlain)
    std::remove(aside.c_str());
  return status;
}

} // namespace of::planTool
