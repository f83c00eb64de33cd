#include "runtime/checkpoint/Checkpoint.h"

#include "runtime/checkpoint/Safetensors.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <unistd.h>

namespace of::rt {

namespace fs = std::filesystem;
using namespace checkpoint;

Checkpoint::~Checkpoint() = default;

namespace {

class Files final : public Checkpoint {
public:
  explicit Files(std::string path) : path_(std::move(path)) {}
  ~Files() override {
    for (const auto &[path, fd] : files_)
      ::close(fd);
  }

  Status open() {
    if (fs::is_directory(path_)) {
      if (fs::exists(path_ + "/manifest.json"))
        return openManifest();
      if (fs::exists(path_ + "/model.safetensors.index.json"))
        return openIndex(path_ + "/model.safetensors.index.json");
      return Status(Code::InvalidArgument,
                    path_ + " has no manifest.json: it is no checkpoint, or was never finished");
    }
    if (path_.size() > 5 && path_.compare(path_.size() - 5, 5, ".json") == 0)
      return openIndex(path_);
    return addFile(path_);
  }

  const std::string &path() const override { return path_; }
  const std::vector<TensorInfo> &tensors() const override { return tensors_; }
  const std::optional<SnapshotInfo> &info() const override { return info_; }

  Status match(const std::vector<TensorInfo> &wanted,
               const std::vector<TensorInfo> &others) const override {
    std::string missing, different, unexpected;
    std::set<std::string> names;
    for (const TensorInfo &tensor : wanted) {
      names.insert(tensor.name);
      const auto it = places_.find(tensor.name);
      if (it == places_.end())
        missing += " " + tensor.name;
      else if (!(it->second.tensor.info == tensor))
        different += " " + tensor.name + " (" + describe(it->second.tensor.info) + ", wanted " +
                     describe(tensor) + ")";
    }
    for (const TensorInfo &tensor : others)
      names.insert(tensor.name);
    for (const TensorInfo &tensor : tensors_)
      if (names.count(tensor.name) == 0)
        unexpected += " " + tensor.name;
    if (missing.empty() && different.empty() && unexpected.empty())
      return Status::ok();
    std::string text = path_ + " is of another model.";
    text += missing.empty() ? "" : " Missing:" + missing + ".";
    text += different.empty() ? "" : " Different:" + different + ".";
    text += unexpected.empty() ? "" : " Not wanted:" + unexpected + ".";
    return Status(Code::InvalidArgument, text);
  }

  Status read(const std::string &name, const Box &box, void *out) const override {
    const auto it = places_.find(name);
    if (it == places_.end())
      return Status(Code::InvalidArgument, path_ + " has no tensor '" + name + "'");
    const Place &place = it->second;
    const size_t size = sizeOf(place.tensor.info.dtype);
    for (const Run &run : runsOf(place.tensor.info.shape, box))
      OF_TRY(readAt(files_[place.file].first, files_[place.file].second,
                    static_cast<char *>(out) + static_cast<size_t>(run.part) * size,
                    static_cast<size_t>(run.elements) * size,
                    place.tensor.offset + static_cast<uint64_t>(run.whole) * size));
    return Status::ok();
  }

  Status verify(uint32_t share, uint32_t shares) const override {
    std::vector<char> buffer;
    for (size_t i = share; i < parts_.size(); i += shares) {
      const Part &part = parts_[i];
      const auto it = places_.find(part.tensor);
      if (it == places_.end() || !liesIn(part.box, it->second.tensor.info.shape))
        return Status(Code::Corrupt, path_ + "/manifest.json names a part of '" + part.tensor +
                                         "' that is not there");
      buffer.resize(static_cast<size_t>(part.box.elements()) *
                    sizeOf(it->second.tensor.info.dtype));
      OF_TRY(read(part.tensor, part.box, buffer.data()));
      if (digestOf(buffer.data(), buffer.size()) != part.digest)
        return Status(Code::Corrupt,
                      path_ + ": the bytes of '" + part.tensor +
                          "' are not those that were written; go back to an older checkpoint");
    }
    return Status::ok();
  }

private:
  struct Place {
    StoredTensor tensor;
    size_t file = 0;
  };

  static bool liesIn(const Box &box, const Shape &shape) {
    bool inside = box.dims.size() == shape.size();
    for (size_t d = 0; inside && d < shape.size(); ++d)
      inside = box.dims[d].begin >= 0 && box.dims[d].begin <= box.dims[d].end &&
               box.dims[d].end <= shape[d];
    return inside;
  }

  static std::string describe(const TensorInfo &tensor) {
    std::string out(nameOf(tensor.dtype));
    for (size_t d = 0; d < tensor.shape.size(); ++d)
      out += (d ? "x" : " ") + std::to_string(tensor.shape[d]);
    return out;
  }

  /// The library would convert what is no whole number, or too large for one.
  static Result<uint64_t> countOf(const std::string &name, const nlohmann::json &json,
                                  const char *key) {
    const nlohmann::json &number = json.at(key);
    if (!number.is_number_unsigned())
      return Status(Code::Corrupt,
                    name + " is damaged: '" + key + "' is no whole number of at least 0");
    return number.get<uint64_t>();
  }

  Status openManifest() {
    const std::string name = path_ + "/manifest.json";
    OF_ASSIGN(const std::string text, readText(name));
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    try {
      OF_ASSIGN(const uint64_t format, countOf(name, json, "format"));
      if (format != 1)
        return Status(Code::Refused, name + " is of another version of of-run");
      SnapshotInfo info;
      info.job = json.at("job").get<std::string>();
      info.planDigest = json.at("plan").get<std::string>();
      OF_ASSIGN(info.step, countOf(name, json, "step"));
      OF_ASSIGN(info.seed, countOf(name, json, "seed"));
      OF_ASSIGN(info.batch, countOf(name, json, "batch"));
      info_ = info;
      for (const auto &file : json.at("files"))
        OF_TRY(addFileBeside(name, file.get<std::string>()));
      OF_ASSIGN(parts_, partsFromJson(name, json.at("parts")));
    } catch (const nlohmann::json::exception &error) {
      return Status(Code::Corrupt, name + " is damaged: " + error.what());
    }
    return Status::ok();
  }

  Status openIndex(const std::string &name) {
    OF_ASSIGN(const std::string text, readText(name));
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    std::set<std::string> files;
    try {
      for (const auto &[tensor, file] : json.at("weight_map").items())
        files.insert(file.get<std::string>());
    } catch (const nlohmann::json::exception &error) {
      return Status(Code::Corrupt, name + " is no index of safetensors files: " + error.what());
    }
    for (const std::string &file : files)
      OF_TRY(addFileBeside(name, file));
    return Status::ok();
  }

  /// A list of files names those in its own folder.
  Status addFileBeside(const std::string &list, const std::string &file) {
    if (file.empty() || file.find('/') != std::string::npos || file.find('\0') != std::string::npos)
      return Status(Code::Corrupt,
                    list + " names the file '" + file + "', which is not in its folder");
    return addFile(fs::path(list).parent_path() / file);
  }

  Status addFile(const std::string &name) {
    const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
      return Status(errno == ENOENT ? Code::InvalidArgument : Code::Io,
                    "cannot open " + name + ": " + std::strerror(errno));
    files_.emplace_back(name, fd);
    OF_ASSIGN(const std::vector<StoredTensor> stored, readHeader(name, fd));
    for (const StoredTensor &tensor : stored) {
      if (!places_.emplace(tensor.info.name, Place{tensor, files_.size() - 1}).second)
        return Status(Code::Corrupt, path_ + " has tensor '" + tensor.info.name + "' twice");
      tensors_.push_back(tensor.info);
    }
    std::sort(tensors_.begin(), tensors_.end(),
              [](const TensorInfo &a, const TensorInfo &b) { return a.name < b.name; });
    return Status::ok();
  }

  const std::string path_;
  std::vector<std::pair<std::string, int>> files_; ///< path and descriptor
  std::vector<TensorInfo> tensors_;
  std::map<std::string, Place> places_;
  std::vector<Part> parts_;
  std::optional<SnapshotInfo> info_;
};

} // namespace

Result<std::unique_ptr<Checkpoint>> Checkpoint::open(const std::string &path) {
  auto files = std::make_unique<Files>(path);
  OF_TRY(files->open());
  return std::unique_ptr<Checkpoint>(std::move(files));
}

} // namespace of::rt
