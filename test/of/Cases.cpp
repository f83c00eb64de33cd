#include "test/of/Cases.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <unistd.h>

namespace of::test {

static std::vector<Array> arraysOf(const nlohmann::json &list) {
  std::vector<Array> out;
  for (const nlohmann::json &entry : list) {
    Array array{entry["shape"].get<Shape>(), {}};
    for (const nlohmann::json &value : entry["values"])
      array.values.push_back(value.get<double>());
    out.push_back(std::move(array));
  }
  return out;
}

static std::string outputOf(const std::string &command, int &status) {
  std::string out;
  FILE *pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe);
  char buffer[4096];
  while (size_t n = fread(buffer, 1, sizeof buffer, pipe))
    out.append(buffer, n);
  status = pclose(pipe);
  return out;
}

std::vector<Case> casesOf(const std::vector<std::string> &families, const std::string &folder) {
  char path[] = "/tmp/of-oracle-XXXXXX";
  const int file = mkstemp(path);
  REQUIRE(file >= 0);
  close(file);
  std::string command = std::string(OF_ORACLE_PYTHON) + " -B " + folder + "/oracle.py " +
                        std::to_string(Catch::rngSeed()) + " " + path;
  for (const std::string &family : families)
    command += " " + family;
  int status = 0;
  INFO(outputOf(command, status));
  REQUIRE(status == 0);
  std::ifstream stream(path);
  const nlohmann::json list = nlohmann::json::parse(stream);
  unlink(path);
  std::vector<Case> out;
  for (const nlohmann::json &c : list)
    out.push_back({c["name"], c["text"], c["known"], c["differentiable"], c["settled"], c["smooth"],
                   c["micro"], arraysOf(c["arguments"]), arraysOf(c["seeds"]),
                   arraysOf(c["results"]), arraysOf(c["gradients"])});
  return out;
}

std::vector<std::string> allFamilies() {
  std::set<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(OF_ORACLE_FOLDER))
    if (entry.path().extension() == ".py")
      names.insert(entry.path().stem());
  names.erase("oracle");
  names.erase("cases");
  return {names.begin(), names.end()};
}

} // namespace of::test
