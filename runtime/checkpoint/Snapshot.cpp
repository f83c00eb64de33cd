#include "runtime/checkpoint/Snapshot.h"

#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/checkpoint/Safetensors.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

namespace of::rt {

using namespace checkpoint;

SnapshotWriter::~SnapshotWriter() = default;

bool ownsPart(const Shape &shape, const of::Layout &layout, int64_t device) {
  const int64_t point = layout.placement.pointOf(device);
  if (point < 0)
    return false;
  const Box box = boxAt(shape, layout, point);
  if (box.empty())
    return false;
  for (int64_t other = 0; other < layout.placement.size(); ++other)
    if (layout.placement.devices[static_cast<size_t>(other)] < device &&
        boxAt(shape, layout, other) == box)
      return false;
  return true;
}

namespace {

std::string nodeReport(uint32_t node) { return "/node-" + std::to_string(node) + ".json"; }

/// One of the files of a snapshot, and its handle while it is written.
struct File {
  std::string name;
  FileLayout layout;
  int handle = -1;
};

class Writer final : public SnapshotWriter {
public:
  Writer(SnapshotConfig config, Disk &disk) : config_(std::move(config)), disk_(disk) {
    dealTensors();
  }
  ~Writer() override { closeFiles(); }

  Status begin(uint64_t step) override {
    closeFiles();
    parts_.clear();
    final_ = config_.folder + "/" + fmt::format("step-{:06}", step);
    aside_ = final_ + ".tmp";
    OF_TRY(disk_.makeFolder(aside_));
    for (File &file : files_) {
      // Every node writes the same header and size, so it does not matter who comes first.
      OF_ASSIGN(file.handle, disk_.open(aside_ + "/" + file.name, file.layout.fileBytes));
      OF_TRY(disk_.write(file.handle, file.layout.header.data(), file.layout.header.size(), 0));
    }
    return Status::ok();
  }

  Status writePart(size_t tensor, const Box &box, const void *data) override {
    const auto [fileIndex, entry] = places_[tensor];
    const File &file = files_[fileIndex];
    const StoredTensor &stored = file.layout.tensors[entry];
    const size_t size = sizeOf(stored.info.dtype);
    for (const Run &run : runsOf(stored.info.shape, box))
      OF_TRY(disk_.write(file.handle,
                         static_cast<const char *>(data) + static_cast<size_t>(run.part) * size,
                         static_cast<size_t>(run.elements) * size,
                         stored.offset + static_cast<uint64_t>(run.whole) * size));
    Part part{stored.info.name, box, digestOf(data, static_cast<size_t>(box.elements()) * size)};
    std::lock_guard<std::mutex> lock(mutex_);
    parts_.push_back(std::move(part));
    return Status::ok();
  }

  Result<std::string> finishLocal() override {
    for (const File &file : files_)
      OF_TRY(disk_.sync(file.handle));
    closeFiles();
    const std::string report = partsToJson(parts_);
    OF_TRY(disk_.writeText(aside_ + nodeReport(config_.node), report, false));
    return digestOf(report.data(), report.size());
  }

  Result<std::string> commit(const SnapshotInfo &info,
                             const std::vector<std::string> &digests) override {
    std::vector<Part> parts;
    for (uint32_t n = 0; n < digests.size(); ++n)
      OF_TRY(takeReport(n, digests[n], parts));
    OF_TRY(checkCoverage(parts));
    OF_TRY(disk_.writeText(aside_ + "/manifest.json", manifest(info, parts), true));
    for (uint32_t n = 0; n < digests.size(); ++n)
      OF_TRY(disk_.remove(aside_ + nodeReport(n)));
    OF_TRY(disk_.syncFolder(aside_));
    OF_TRY(disk_.replace(aside_, final_));
    OF_TRY(disk_.syncFolder(config_.folder));
    // A run that was resumed may have come to a step again.
    OF_TRY(disk_.remove(aside_));
    return final_;
  }

private:
  /// Deals the tensors to files of about maxFileBytes, in order.
  void dealTensors() {
    std::vector<std::vector<TensorInfo>> groups(1);
    uint64_t bytes = 0;
    for (const TensorInfo &tensor : config_.tensors) {
      if (bytes > 0 && bytes + bytesOf(tensor) > config_.maxFileBytes) {
        groups.emplace_back();
        bytes = 0;
      }
      places_.emplace_back(groups.size() - 1, groups.back().size());
      groups.back().push_back(tensor);
      bytes += bytesOf(tensor);
    }
    for (size_t i = 0; i < groups.size(); ++i)
      files_.push_back({fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, groups.size()),
                        layOut(groups[i]), -1});
  }

  void closeFiles() {
    for (File &file : files_) {
      if (file.handle >= 0)
        disk_.close(file.handle);
      file.handle = -1;
    }
  }

  Status takeReport(uint32_t node, const std::string &digest, std::vector<Part> &parts) const {
    const std::string path = aside_ + nodeReport(node);
    auto text = disk_.readText(path);
    if (!text.isOk() || digestOf(text->data(), text->size()) != digest)
      return Status(Code::Io, path + " is not what node " + std::to_string(node) +
                                  " wrote; --out must be one folder that all nodes share");
    OF_ASSIGN(const std::vector<Part> reported, partsFromJson(path, *text));
    parts.insert(parts.end(), reported.begin(), reported.end());
    return Status::ok();
  }

  Status checkCoverage(const std::vector<Part> &parts) const {
    std::map<std::string, int64_t> elements;
    for (const Part &part : parts)
      elements[part.tensor] += part.box.elements();
    for (const TensorInfo &tensor : config_.tensors)
      if (elements[tensor.name] != elementsOf(tensor.shape))
        return Status(Code::Internal, "the nodes wrote " + std::to_string(elements[tensor.name]) +
                                          " of the " + std::to_string(elementsOf(tensor.shape)) +
                                          " elements of " + tensor.name);
    return Status::ok();
  }

  std::string manifest(const SnapshotInfo &info, const std::vector<Part> &parts) const {
    nlohmann::json out = {{"format", 1},
                          {"job", info.job},
                          {"plan", info.planDigest},
                          {"step", info.step},
                          {"seed", info.seed},
                          {"batch", info.batch},
                          {"files", nlohmann::json::array()}};
    for (const File &file : files_)
      out["files"].push_back(file.name);
    out["parts"] = nlohmann::json::parse(partsToJson(parts));
    return out.dump(1) + "\n";
  }

  const SnapshotConfig config_;
  Disk &disk_;
  std::vector<File> files_;
  std::vector<std::pair<size_t, size_t>> places_; ///< by tensor: file, entry
  std::string final_, aside_;
  std::mutex mutex_;
  std::vector<Part> parts_;
};

/// "step-000123.tmp" is {123, ".tmp"}.
std::optional<std::pair<uint64_t, std::string>> readName(const std::string &name) {
  constexpr size_t prefix = 5, mostDigits = 18;
  const size_t end = name.find_first_not_of("0123456789", prefix);
  const std::string digits = name.size() <= prefix ? "" : name.substr(prefix, end - prefix);
  if (name.compare(0, prefix, "step-") != 0 || digits.empty() || digits.size() > mostDigits)
    return std::nullopt;
  return std::pair(std::stoull(digits), end == std::string::npos ? "" : name.substr(end));
}

/// The folder and those above it, such that they are still there after a loss of power.
Status makeFolders(const std::string &path, Disk &disk) {
  if (path.empty() || disk.exists(path))
    return Status::ok();
  const size_t slash = path.find_last_of('/');
  const std::string above = slash == std::string::npos ? "" : path.substr(0, slash);
  OF_TRY(makeFolders(above, disk));
  OF_TRY(disk.makeFolder(path));
  return disk.syncFolder(slash == std::string::npos ? "." : slash == 0 ? "/" : above);
}

/// Finished checkpoints of a folder, oldest first.
std::vector<std::pair<uint64_t, std::string>> finished(const std::string &folder, Disk &disk) {
  std::vector<std::pair<uint64_t, std::string>> out;
  for (const std::string &name : disk.list(folder))
    if (const auto read = readName(name);
        read && read->second.empty() && disk.exists(folder + "/" + name + "/manifest.json"))
      out.emplace_back(read->first, folder + "/" + name);
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace

Result<std::unique_ptr<SnapshotWriter>> SnapshotWriter::create(SnapshotConfig config, Disk &disk) {
  OF_TRY(makeFolders(config.folder, disk));
  return std::unique_ptr<SnapshotWriter>(new Writer(std::move(config), disk));
}

Result<std::string> latestCheckpoint(const std::string &folder) {
  const auto all = finished(folder, *Disk::ofThisMachine());
  return all.empty() ? std::string() : all.back().second;
}

std::optional<uint64_t> latestStep(const std::string &folder) {
  const auto all = finished(folder, *Disk::ofThisMachine());
  return all.empty() ? std::nullopt : std::optional<uint64_t>(all.back().first);
}

Status rotateCheckpoints(const std::string &folder, uint64_t step, uint64_t keep, Disk &disk) {
  const auto all = finished(folder, disk);
  for (size_t i = 0; keep > 0 && i + keep < all.size(); ++i)
    OF_TRY(disk.remove(all[i].second));
  // What is written aside for a later step may belong to a node that is ahead.
  const std::string tmp = ".tmp";
  for (const std::string &name : disk.list(folder))
    if (const auto read = readName(name);
        read && read->first <= step && read->second.size() >= tmp.size() &&
        read->second.compare(read->second.size() - tmp.size(), tmp.size(), tmp) == 0)
      OF_TRY(disk.remove(folder + "/" + name));
  return Status::ok();
}

} // namespace of::rt
