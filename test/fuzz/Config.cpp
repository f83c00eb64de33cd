#include "lib/Config/Job.h"
#include "test/fuzz/Targets.h"
#include "test/fuzz/Yaml.h"

namespace of::fuzz {

std::string job(std::string_view input) {
  static const config::Key keys = jobKeys();
  return readDocument(input, keys, [](const config::Node &tree, config::Report &report) {
    (void)readJob(tree, report);
  });
}

} // namespace of::fuzz
