// Running one of our tools as a user does, for tests.
#pragma once

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <sys/wait.h>

namespace of::test {

/// A fresh folder, removed with the object.
struct Folder {
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "of-test-XXXXXX";
    path = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;
  std::string path;
};

struct Outcome {
  int code = -1;
  std::string output; ///< stdout and stderr
  std::string lastLine() const {
    std::istringstream in(output);
    std::string last;
    for (std::string line; std::getline(in, line);)
      last = line.empty() ? last : line;
    return last;
  }
};

inline Outcome runCommand(const std::string &program, const std::string &arguments) {
  const std::string command = program + " " + arguments + " 2>&1";
  std::FILE *pipe = popen(command.c_str(), "r");
  REQUIRE(pipe);
  Outcome outcome;
  std::array<char, 4096> buffer;
  while (const size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
    outcome.output.append(buffer.data(), n);
  const int status = pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

} // namespace of::test
