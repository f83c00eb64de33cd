#include "runtime/checkpoint/Checkpoint.h"
#include "test/sim/faults/PowerDisk.h"

#include <filesystem>
#include <unistd.h>

namespace of::test {

using namespace rt;

namespace {

constexpr const char *kFolder = "run/checkpoints";

/// The nodes of a job that does nothing but write checkpoints, in any order that the protocol of
/// runtime/node/Snapshots.h lets happen.
class Job {
public:
  explicit Job(uint64_t seed) : random_(seed) {
    nodes_ = 1 + static_cast<uint32_t>(random_() % 3);
    keep_ = random_() % 3;
    maxFileBytes_ = random_() % 2 == 0 ? 1 << 20 : 60;
    const uint64_t count = 1 + random_() % 3;
    for (uint64_t i = 0; i < count; ++i)
      tensors_.push_back({"t" + std::to_string(i),
                          DType::F32,
                          {static_cast<int64_t>(nodes_) * (1 + static_cast<int64_t>(random_() % 4)),
                           1 + static_cast<int64_t>(random_() % 8)}});
  }

  /// Writes the checkpoints of steps `from` to `to`; ends at the first error. `safe` is the last
  /// step whose commit has returned.
  Status write(Disk &disk, uint64_t from, uint64_t to, uint64_t &safe) {
    std::vector<std::unique_ptr<SnapshotWriter>> writers;
    for (uint32_t n = 0; n < nodes_; ++n) {
      OF_ASSIGN(std::unique_ptr<SnapshotWriter> writer,
                SnapshotWriter::create({kFolder, tensors_, n, maxFileBytes_}, disk));
      writers.push_back(std::move(writer));
    }
    std::vector<bool> ahead(nodes_, false); // has written its parts of the step before its turn
    for (uint64_t step = from; step <= to; ++step) {
      std::vector<std::string> digests(nodes_);
      for (const uint32_t n : anyOrder()) {
        if (!ahead[n])
          OF_TRY(writeParts(*writers[n], n, step));
        OF_ASSIGN(digests[n], writers[n]->finishLocal());
      }
      for (uint32_t n = 1; n < nodes_; ++n) {
        ahead[n] = step < to && random_() % 2 == 0; // node 0 has not committed yet
        if (ahead[n])
          OF_TRY(writeParts(*writers[n], n, step + 1));
      }
      SnapshotInfo info;
      info.job = "job";
      info.step = step;
      OF_TRY(writers[0]->commit(info, digests));
      safe = step;
      if (keep_ > 0)
        OF_TRY(rotateCheckpoints(kFolder, step, keep_, disk));
    }
    return Status::ok();
  }

  /// Whether the newest checkpoint in a folder is that of the step it says, bit for bit; its step.
  Result<uint64_t> newest(const std::string &folder) const {
    OF_ASSIGN(const std::string path, latestCheckpoint(folder + "/" + kFolder));
    if (path.empty())
      return uint64_t(0);
    OF_ASSIGN(const std::unique_ptr<Checkpoint> checkpoint, Checkpoint::open(path));
    OF_TRY(checkpoint->match(tensors_));
    OF_TRY(checkpoint->verify(0, 1));
    const uint64_t step = checkpoint->info()->step;
    for (const TensorInfo &tensor : tensors_) {
      Box whole;
      for (const int64_t dim : tensor.shape)
        whole.dims.push_back({0, dim});
      std::vector<float> found(static_cast<size_t>(whole.elements()));
      OF_TRY(checkpoint->read(tensor.name, whole, found.data()));
      for (size_t i = 0; i < found.size(); ++i)
        if (found[i] != value(step, i))
          return Status(Code::Corrupt, path + " has values of another step in " + tensor.name);
    }
    return step;
  }

private:
  static float value(uint64_t step, size_t element) {
    return static_cast<float>(step * 1000 + element);
  }

  std::vector<uint32_t> anyOrder() {
    std::vector<uint32_t> out;
    for (uint32_t n = 0; n < nodes_; ++n)
      out.insert(out.begin() + static_cast<long>(random_() % (out.size() + 1)), n);
    return out;
  }

  /// Node n has the n-th rows of each tensor.
  Status writeParts(SnapshotWriter &writer, uint32_t n, uint64_t step) {
    OF_TRY(writer.begin(step));
    for (size_t t = 0; t < tensors_.size(); ++t) {
      const int64_t rows = tensors_[t].shape[0] / nodes_, columns = tensors_[t].shape[1];
      const Box box{{{n * rows, (n + 1) * rows}, {0, columns}}};
      std::vector<float> data;
      for (int64_t i = 0; i < rows * columns; ++i)
        data.push_back(value(step, static_cast<size_t>(n * rows * columns + i)));
      OF_TRY(writer.writePart(t, box, data.data()));
    }
    return Status::ok();
  }

  std::mt19937_64 random_;
  uint32_t nodes_ = 1;
  uint64_t keep_ = 0, maxFileBytes_ = 0;
  std::vector<TensorInfo> tensors_;
};

/// A folder of the real file system, for the reader.
struct Scratch {
  Scratch() {
    std::string pattern =
        std::filesystem::exists("/dev/shm") ? "/dev/shm/of-disk-XXXXXX" : "/tmp/of-disk-XXXXXX";
    path = mkdtemp(pattern.data());
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  std::string path;
};

Result<uint64_t> look(const PowerDisk &disk, const Job &job) {
  const Scratch scratch;
  disk.copyTo(scratch.path);
  return job.newest(scratch.path);
}

} // namespace

std::string runSnapshots(DiskFault fault, uint64_t seed) {
  constexpr uint64_t steps = 4;
  std::mt19937_64 random(seed * 0x9e3779b97f4a7c15ull + 4);
  Job job(seed);
  PowerDisk calm(seed);
  uint64_t safe = 0;
  if (const Status status = Job(seed).write(calm, 1, steps, safe); !status.isOk())
    return "without any fault: " + status.message();
  PowerDisk disk(seed);
  safe = 0;
  for (int lives = 1 + static_cast<int>(random() % 2); lives > 0; --lives) {
    const bool lost = random() % 3 != 0; // else only the process dies
    if (fault == DiskFault::PowerLost)
      disk.strikeAt(disk.operations() + random() % calm.operations());
    else
      disk.fullAfter(disk.writtenBytes() + random() % calm.writtenBytes());
    const uint64_t from = safe + 1;
    const Status status = job.write(disk, from, from + steps - 1, safe);
    if (fault == DiskFault::Full && status.isOk() && disk.writtenBytes() > calm.writtenBytes())
      return "the disk was full and nobody said so";
    if (!status.isOk() && status.code() != Code::Io)
      return "a fault of the disk is taken for another: " + status.message();
    disk.restart(fault == DiskFault::PowerLost && lost);
    const Result<uint64_t> found = look(disk, job);
    if (!found.isOk())
      return "after the restart: " + found.status().message();
    if (*found < safe)
      return "the checkpoint of step " + std::to_string(safe) +
             " was safe, the newest is of step " + std::to_string(*found);
    safe = *found;
  }
  // All is well again: the run goes on.
  const uint64_t goal = safe + 1;
  if (const Status status = job.write(disk, goal, goal, safe); !status.isOk())
    return "it cannot go on: " + status.message();
  const Result<uint64_t> found = look(disk, job);
  if (!found.isOk())
    return "after it went on: " + found.status().message();
  return *found == goal ? "" : "after it went on the newest step is " + std::to_string(*found);
}

} // namespace of::test
