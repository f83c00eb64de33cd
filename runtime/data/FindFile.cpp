#include "runtime/data/FindFile.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

namespace of::rt {

Result<std::string> findFile(const std::string &name, const std::vector<std::string> &folders) {
  if (!name.empty() && name[0] == '/')
    return name;
  for (const std::string &folder : folders) {
    const std::string path = folder + "/" + name;
    if (::access(path.c_str(), F_OK) == 0)
      return path;
  }
  return Status(Code::InvalidArgument,
                fmt::format("there is no file '{}' in {}; name its folder with --data", name,
                            fmt::join(folders, ", ")));
}

} // namespace of::rt
