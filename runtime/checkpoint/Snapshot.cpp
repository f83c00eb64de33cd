#include "runtime/checkpoint/Snapshot.h"

#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/checkpoint/Safetensors.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace of::rt {

namespace fs = std::filesystem;
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

/// One of the files of a snapshot, and the descriptor while it is written.
struct File {
  std::string name;
  FileLayout layout;
  int fd = -1;
};

class Writer final : public SnapshotWriter {
public:
  explicit Writer(SnapshotConfig config) : config_(std::move(config)) { dealTensors(); }
  ~Writer() override { closeFiles(); }

  Status begin(uint64_t step) override {
    closeFiles();
    parts_.clear();
    final_ = config_.folder + "/" + fmt::format("step-{:06}", step);
    aside_ = final_ + ".tmp";
    std::error_code error;
    fs::create_directories(aside_, error);
    if (error)
      return Status(Code::Io, "cannot create " + aside_ + ": " + error.message());
    for (File &file : files_) {
      const std::string path = aside_ + "/" + file.name;
      file.fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
      // Every node writes the same header and size, so it does not matter who comes first.
      if (file.fd < 0 || ::ftruncate(file.fd, static_cast<off_t>(file.layout.fileBytes)) != 0)
        return Status(Code::Io, "cannot create " + path + ": " + std::strerror(errno));
      OF_TRY(writeAt(path, file.fd, file.layout.header.data(), file.layout.header.size(), 0));
    }
    return Status::ok();
  }

  Status writePart(size_t tensor, const Box &box, const void *data) override {
    const auto [fileIndex, entry] = places_[tensor];
    const File &file = files_[fileIndex];
    const StoredTensor &stored = file.layout.tensors[entry];
    const size_t size = sizeOf(stored.info.dtype);
    for (const Run &run : runsOf(stored.info.shape, box))
      OF_TRY(writeAt(aside_ + "/" + file.name, file.fd,
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
      if (::fsync(file.fd) != 0)
        return Status(Code::Io,
                      "cannot sync " + aside_ + "/" + file.name + ": " + std::strerror(errno));
    closeFiles();
    const std::string report = partsToJson(parts_);
    OF_TRY(writeText(aside_ + nodeReport(config_.node), report));
    return digestOf(report.data(), report.size());
  }

  Result<std::string> commit(const SnapshotInfo &info,
                             const std::vector<std::string> &digests) override {
    std::vector<Part> parts;
    for (uint32_t n = 0; n < digests.size(); ++n)
      OF_TRY(takeReport(n, digests[n], parts));
    OF_TRY(checkCoverage(parts));
    OF_TRY(writeText(aside_ + "/manifest.json", manifest(info, parts)));
    std::error_code error;
    for (uint32_t n = 0; n < digests.size(); ++n)
      fs::remove(aside_ + nodeReport(n), error);
    OF_TRY(syncFolder(aside_));
    // A run that was resumed may come to a step again.
    const std::string old = final_ + ".old.tmp";
    if (fs::exists(final_))
      fs::rename(final_, old, error);
    fs::rename(aside_, final_, error);
    if (error)
      return Status(Code::Io, "cannot rename " + aside_ + ": " + error.message());
    fs::remove_all(old, error);
    OF_TRY(syncFolder(config_.folder));
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
      if (file.fd >= 0)
        ::close(file.fd);
      file.fd = -1;
    }
  }

  Status takeReport(uint32_t node, const std::string &digest, std::vector<Part> &parts) const {
    const std::string path = aside_ + nodeReport(node);
    auto text = readText(path);
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
  std::vector<File> files_;
  std::vector<std::pair<size_t, size_t>> places_; ///< by tensor: file, entry
  std::string final_, aside_;
  std::mutex mutex_;
  std::vector<Part> parts_;
};

/// Finished checkpoints of a folder, oldest first.
std::vector<std::pair<uint64_t, std::string>> finished(const std::string &folder) {
  std::vector<std::pair<uint64_t, std::string>> out;
  std::error_code error;
  for (const auto &entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    const bool numbered = name.compare(0, 5, "step-") == 0 && name.size() > 5 &&
                          name.find_first_not_of("0123456789", 5) == std::string::npos;
    if (numbered && fs::exists(entry.path() / "manifest.json"))
      out.emplace_back(std::stoull(name.substr(5)), entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace

Result<std::unique_ptr<SnapshotWriter>> SnapshotWriter::create(SnapshotConfig config) {
  return std::unique_ptr<SnapshotWriter>(new Writer(std::move(config)));
}

Result<std::string> latestCheckpoint(const std::string &folder) {
  const auto all = finished(folder);
  return all.empty() ? std::string() : all.back().second;
}

Status rotateCheckpoints(const std::string &folder, uint64_t keep) {
  std::error_code error;
  std::vector<fs::path> remove;
  const auto all = finished(folder);
  for (size_t i = 0; keep > 0 && i + keep < all.size(); ++i)
    remove.push_back(all[i].second);
  // What is written aside for a later step than the newest may belong to a node that is ahead.
  for (const auto &entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    const bool aside = name.compare(0, 5, "step-") == 0 && entry.path().extension() == ".tmp";
    if (aside && !all.empty() && std::strtoull(name.c_str() + 5, nullptr, 10) <= all.back().first)
      remove.push_back(entry.path());
  }
  for (const fs::path &path : remove) {
    fs::remove_all(path, error);
    if (error)
      return Status(Code::Io, "cannot delete " + path.string() + ": " + error.message());
  }
  return Status::ok();
}

} // namespace of::rt
