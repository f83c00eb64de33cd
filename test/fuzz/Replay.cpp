// fuzz-replay FOLDER: gives each target the inputs in FOLDER/<target>.
//
// Where <input>.said lies beside an input, the target must answer with what stands in it, or take
// the input if the file is empty. The sanitizers of the build judge the rest.
#include "test/fuzz/Targets.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <vector>

namespace fs = std::filesystem;

namespace {

struct Named {
  const char *name;
  of::fuzz::Target target;
};

constexpr Named kTargets[] = {
    {"planFile", of::fuzz::planFile},
    {"job", of::fuzz::job},
    {"hello", of::fuzz::hello},
    {"control", of::fuzz::control},
    {"messages", of::fuzz::messages},
    {"data", of::fuzz::data},
    {"safetensors", of::fuzz::safetensors},
    {"manifest", of::fuzz::manifest},
    {"onnxExport", of::fuzz::onnxExport},
    {"tables", of::fuzz::tables},
#ifdef OF_FUZZ_COMPILER
    {"cluster", of::fuzz::cluster},
    {"profile", of::fuzz::profile},
    {"onnxMessages", of::fuzz::onnxMessages},
    {"onnxImport", of::fuzz::onnxImport},
    {"text", of::fuzz::text},
#endif
};

std::string contentOf(const fs::path &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> inputsIn(const fs::path &folder) {
  std::vector<fs::path> out;
  if (fs::is_directory(folder))
    for (const auto &entry : fs::directory_iterator(folder))
      if (entry.path().extension() != ".said")
        out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

/// Whether the answer is the one that is written down, if one is.
bool isAsSaid(const fs::path &input, const std::string &answer) {
  const fs::path said = input.string() + ".said";
  if (!fs::exists(said))
    return true;
  std::string wanted = contentOf(said);
  while (!wanted.empty() && wanted.back() == '\n')
    wanted.pop_back();
  return wanted.empty() ? answer.empty() : answer.find(wanted) != std::string::npos;
}

} // namespace

int main(int argc, char **argv) {
  int failed = 0, inputs = 0;
  for (int i = 1; i < argc; ++i)
    for (const Named &named : kTargets)
      for (const fs::path &input : inputsIn(fs::path(argv[i]) / named.name)) {
        std::fprintf(stderr, "%s\n", input.c_str()); // the last one before a crash
        const std::string answer = named.target(contentOf(input));
        ++inputs;
        if (isAsSaid(input, answer))
          continue;
        std::printf("FAIL %s: %s\n", input.c_str(), answer.empty() ? "was taken" : answer.c_str());
        ++failed;
      }
  std::printf("%d inputs, %d wrong answers\n", inputs, failed);
  return failed || !inputs ? 1 : 0;
}
