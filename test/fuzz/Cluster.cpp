#include "lib/Cost/Cluster.h"

#include "test/fuzz/Targets.h"
#include "test/fuzz/Yaml.h"

namespace of::fuzz {

std::string cluster(std::string_view input) {
  static const config::Key keys = clusterKeys();
  return readDocument(input, keys, [](const config::Node &tree, config::Report &report) {
    const Cluster cluster = readCluster(tree, report);
    if (!report.clean())
      return;
    const int64_t count = static_cast<int64_t>(cluster.devices.size());
    for (int64_t a = 0; a < std::min<int64_t>(count, 8); ++a)
      for (int64_t b = 0; b < std::min<int64_t>(count, 8); ++b)
        (void)cluster.transferSeconds(1 << 20, a, b);
  });
}

} // namespace of::fuzz
