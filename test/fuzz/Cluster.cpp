#include "lib/Cost/Profile.h"
#include "test/fuzz/Context.h"
#include "test/fuzz/InputFile.h"
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

std::string profile(std::string_view input) {
  static Context context;
  static InputFile file;
  file.assign(input);
  mlir::MLIRContext *mlir = context.next();
  const mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::ModuleOp::create(mlir::UnknownLoc::get(mlir));
  if (mlir::succeeded(readProfile(*module, file.path())))
    (void)profileOf(*module);
  return context.said;
}

} // namespace of::fuzz
