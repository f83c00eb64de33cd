#include "tools/of-run/Export.h"

#include "runtime/checkpoint/Export.h"
#include "runtime/node/Snapshots.h"
#include "runtime/schema/PlanFile.h"

namespace of::run {

namespace {

/// What a model needs; optimizer state and counters belong to its training.
Result<std::vector<rt::TensorInfo>> tensorsOfModel(const std::string &path) {
  OF_ASSIGN(const rt::PlanFile file, rt::PlanFile::open(path));
  const std::vector<rt::TensorInfo> all = rt::planTensors(file.plan());
  std::vector<rt::TensorInfo> out;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto *role = file.plan().variables()->Get(static_cast<uint32_t>(i))->role();
    if (role && (role->str() == "parameter" || role->str() == "buffer"))
      out.push_back(all[i]);
  }
  return out;
}

} // namespace

Status exportCheckpoint(const ExportOptions &options) {
  OF_ASSIGN(const std::unique_ptr<rt::Checkpoint> checkpoint,
            rt::openCheckpoint(options.checkpoint));
  if (!options.onnx.empty())
    return rt::writeOnnx(*checkpoint, options.onnx, options.out);
  std::vector<rt::TensorInfo> tensors = checkpoint->tensors();
  if (!options.plan.empty()) {
    OF_ASSIGN(tensors, tensorsOfModel(options.plan));
    OF_TRY(checkpoint->match(tensors, checkpoint->tensors()));
  }
  return rt::writeSafetensors(*checkpoint, tensors, options.out);
}

} // namespace of::run
