// A folder with a model and 64 bytes of external data.
#pragma once

#include "test/support/TempDir.h"

#include <fstream>
#include <string>
#include <string_view>

namespace of::fuzz {

class ModelFolder {
public:
  ModelFolder() { write("w.bin", std::string(64, '\0')); }
  /// Where the file lies.
  std::string write(const std::string &name, std::string_view bytes) const {
    const std::string path = pathOf(name);
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::string pathOf(const std::string &name) const { return dir_.path() + "/" + name; }

private:
  const test::TempDir dir_;
};

} // namespace of::fuzz
