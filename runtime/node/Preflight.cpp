#include "runtime/node/Preflight.h"

#include "runtime/data/BatchReader.h"
#include "runtime/data/FindFile.h"
#include "runtime/kernel/Loader.h"
#include "runtime/node/Snapshots.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <unistd.h>

namespace of::rt {

namespace {

constexpr double kMiB = 1024.0 * 1024.0;

std::string mebibytes(uint64_t bytes) {
  char text[64];
  std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / kMiB);
  return text;
}

/// Bytes that the system says a new program may take without swapping; 0 if it does not say.
uint64_t availableBytes() {
  std::ifstream in("/proc/meminfo");
  std::string key, unit;
  for (uint64_t kib; in >> key >> kib; std::getline(in, unit))
    if (key == "MemAvailable:")
      return kib * 1024;
  return 0;
}

class Preflight {
public:
  Preflight(const plan::Plan &plan, const NodeOptions &options) : plan_(plan), options_(options) {}

  std::vector<Status> run() {
    for (uint32_t d = 0; d < plan_.devices()->size(); ++d)
      if (plan_.devices()->Get(d)->node() == options_.node)
        device(d);
    memory();
    data();
    place();
    if (findings_.empty())
      add(Node::create(plan_, options_).status());
    std::sort(findings_.begin(), findings_.end(),
              [](const Status &a, const Status &b) { return a.message() < b.message(); });
    findings_.erase(
        std::unique(findings_.begin(), findings_.end(),
                    [](const Status &a, const Status &b) { return a.message() == b.message(); }),
        findings_.end());
    return std::move(findings_);
  }

private:
  void add(const Status &status) {
    if (!status.isOk())
      findings_.push_back(status);
  }

  void device(uint32_t id) {
    add(checkDeviceKind(plan_, id));
    const auto instance = roleOf(plan_, id);
    if (!instance.isOk())
      return add(instance.status());
    std::set<int32_t> objects;
    for (const plan::RoleProgram *program : *instance->role->programs())
      for (const plan::Task *task : *program->tasks()) {
        if (const plan::Segment *segment = task->body_as_Segment())
          for (const plan::Call *call : *segment->calls())
            objects.insert(call->object());
        if (const plan::Read *read = task->body_as_Read())
          datasets_.insert(read->dataset());
        loads_ = loads_ || task->body_as_Load() != nullptr;
        writes_ = writes_ || task->body_as_Write() != nullptr;
      }
    for (const int32_t object : objects)
      if (object >= 0) {
        const plan::KernelObject &o = *plan_.objects()->Get(static_cast<uint32_t>(object));
        add(KernelObject::load(o.isa()->str(), o.data()->data(), o.data()->size()).status());
      }
  }

  /// Of all nodes of this host together: they start at the same time.
  void memory() {
    const uint32_t host = plan_.nodes()->Get(options_.node)->host();
    uint64_t wanted = 0;
    for (uint32_t d = 0; d < plan_.devices()->size(); ++d) {
      const auto instance = roleOf(plan_, d);
      if (plan_.nodes()->Get(plan_.devices()->Get(d)->node())->host() != host || !instance.isOk())
        continue;
      for (const plan::Chunk *chunk : *instance->role->chunks())
        wanted += chunk->bytes();
    }
    const uint64_t available = availableBytes();
    if (available > 0 && wanted > available)
      add(Status(Code::Io, "the nodes of this host need " + mebibytes(wanted) + " of memory, " +
                               mebibytes(available) +
                               " are available; compile for smaller memory or more hosts"));
  }

  void data() {
    std::vector<std::string> folders;
    if (!options_.dataDir.empty())
      folders.push_back(options_.dataDir);
    folders.push_back(".");
    for (const uint32_t dataset : datasets_)
      if (plan_.datasets() && dataset < plan_.datasets()->size() && !isForward(plan_))
        dataSet(*plan_.datasets()->Get(dataset), folders);
    if (!options_.resumePath.empty())
      add(openCheckpoint(options_.resumePath).status());
    else if (loads_ && !options_.weightsPath.empty())
      add(openWeights(plan_, options_.weightsPath).status());
  }

  /// All files that are missing, or the first thing that is wrong with their contents.
  void dataSet(const plan::Dataset &dataset, const std::vector<std::string> &folders) {
    bool complete = true;
    for (const plan::Field *field : *dataset.fields())
      for (const flatbuffers::String *file : *field->files()) {
        const Status found = findFile(file->str(), folders).status();
        complete = complete && found.isOk();
        add(found);
      }
    if (complete)
      add(BatchReader::open(dataset, folders).status());
  }

  /// Results go to a folder that can be written and holds a checkpoint.
  void place() {
    if (options_.outDir.empty())
      return;
    std::error_code error;
    std::filesystem::path folder = options_.outDir;
    while (!std::filesystem::exists(folder, error) && folder.has_parent_path() &&
           folder != folder.parent_path())
      folder = folder.parent_path(); // it would be made there
    if (!std::filesystem::exists(folder, error))
      folder = ".";
    if (::access(folder.c_str(), W_OK) != 0)
      return add(Status(Code::Io, "results cannot be written to " + options_.outDir +
                                      ": no right to; name another folder with --out"));
    if (!writes_ || !plan_.variables())
      return;
    uint64_t wanted = 0;
    for (const plan::Variable *variable : *plan_.variables()) {
      uint64_t bytes = sizeOf(dtypeOf(variable->dtype()));
      for (const int64_t dim : shapeOf(variable->shape()))
        bytes *= static_cast<uint64_t>(dim);
      wanted += bytes;
    }
    const uint64_t free = std::filesystem::space(folder, error).available;
    if (!error && wanted > free)
      add(Status(Code::Io, "a checkpoint has " + mebibytes(wanted) + ", " + options_.outDir +
                               " has room for " + mebibytes(free) +
                               "; name another folder with --out"));
  }

  const plan::Plan &plan_;
  const NodeOptions &options_;
  std::set<uint32_t> datasets_;
  bool loads_ = false, writes_ = false;
  std::vector<Status> findings_;
};

} // namespace

std::vector<Status> preflight(const plan::Plan &plan, const NodeOptions &options) {
  return Preflight(plan, options).run();
}

} // namespace of::rt
