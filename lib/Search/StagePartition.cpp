#include "lib/Search/StagePartition.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace of::search {

// ---- Check

static Status wrongInput(std::string message) {
  return Status(Code::InvalidArgument, std::move(message));
}

static bool isSeconds(double seconds) { return seconds >= 0; } // NaN is not

static bool areSeconds(const std::vector<double> &list, int64_t count) {
  return static_cast<int64_t>(list.size()) == count &&
         std::all_of(list.begin(), list.end(), isSeconds);
}

static Status checkMeshes(const StageProblem &problem) {
  for (size_t m = 0; m < problem.meshes.size(); ++m) {
    const StageMesh &mesh = problem.meshes[m];
    if (mesh.count < 1 || mesh.first < 0 || mesh.first + mesh.count > problem.devices)
      return wrongInput("mesh " + std::to_string(m) + " has devices that are not there");
    if (mesh.table >= problem.tables.size())
      return wrongInput("mesh " + std::to_string(m) + " names table " + std::to_string(mesh.table) +
                        ", which is not there");
  }
  return Status::ok();
}

static Status checkTable(const StageProblem &problem, size_t t) {
  const std::string where = "table " + std::to_string(t) + " ";
  if (problem.tables[t].empty())
    return wrongInput(where + "has no way to run its blocks");
  for (const std::vector<BlockCost> &way : problem.tables[t]) {
    if (static_cast<int64_t>(way.size()) != problem.blocks)
      return wrongInput(where + "has costs of " + std::to_string(way.size()) +
                        " blocks, the problem has " + std::to_string(problem.blocks));
    for (const BlockCost &cost : way)
      if (!isSeconds(cost.microSeconds) || !isSeconds(cost.stepSeconds) || cost.fixedBytes < 0 ||
          cost.activeBytes < 0 || cost.extraBytes < 0)
        return wrongInput(where + "has a cost that is negative or not a number");
  }
  return Status::ok();
}

Status StageProblem::check() const {
  if (blocks < 1 || devices < 1 || microBatches < 1)
    return wrongInput("stages need at least one block, device and micro-batch");
  if (Status status = checkMeshes(*this); !status.isOk())
    return status;
  for (size_t t = 0; t < tables.size(); ++t)
    if (Status status = checkTable(*this, t); !status.isOk())
      return status;
  for (const auto &[pair, seconds] : crossing)
    if (pair.first >= meshes.size() || pair.second >= meshes.size() ||
        !areSeconds(seconds.forward, blocks) || !areSeconds(seconds.backward, blocks))
      return wrongInput("what crosses between meshes " + std::to_string(pair.first) + " and " +
                        std::to_string(pair.second) +
                        " is not one number of seconds for each block and direction");
  return Status::ok();
}

// ---- One stage

namespace {

/// Seconds of a pipeline so far, from its end.
struct Times {
  double sum = 0, micro = 0, step = 0;
  double seconds(int64_t microBatches) const {
    return sum + static_cast<double>(microBatches - 1) * micro + step;
  }
};

Times before(const Times &rest, double micro, double step) {
  return {rest.sum + micro, std::max(rest.micro, micro), std::max(rest.step, step)};
}

/// Costs of consecutive blocks, added up one by one.
struct Run {
  BlockCost cost;
  void add(const BlockCost &block) {
    cost.microSeconds += block.microSeconds;
    cost.stepSeconds += block.stepSeconds;
    cost.fixedBytes += block.fixedBytes;
    cost.activeBytes += block.activeBytes;
    cost.extraBytes = std::max(cost.extraBytes, block.extraBytes);
  }
  bool fits(const StageMesh &mesh, int64_t underWay) const {
    return !mesh.memoryBytes ||
           cost.fixedBytes + underWay * cost.activeBytes + cost.extraBytes <= *mesh.memoryBytes;
  }
};

/// One way to go on from a state to the end, and where its own parts are.
struct Entry {
  Times times;
  double own = 0; ///< micro seconds of the first stage, without what comes from the one before
  Stage stage;
  size_t next = 0; ///< entry of the state behind it
};

/// Blocks from `block` on, on the devices from where `mesh` begins: the first stage is on `mesh`.
/// The mesh is part of the state because what crosses into it depends on the one before.
class Partition {
public:
  Partition(const StageProblem &problem, int64_t stages, size_t mostKept)
      : problem(problem), count(stages), mostKept(mostKept),
        states(stages, std::vector<std::vector<Entry>>(problem.meshes.size() * problem.blocks)),
        behind(problem.meshes.size()) {
    for (const auto &[pair, crossing] : problem.crossing) {
      const StageMesh &mesh = problem.meshes[pair.first];
      if (problem.meshes[pair.second].first == mesh.first + mesh.count)
        behind[pair.first].push_back({pair.second, &crossing});
    }
  }

  std::optional<StageSolution> run() {
    const std::vector<std::vector<bool>> canBe = reachable();
    for (int64_t s = count - 1; s >= 0; --s)
      for (size_t mesh = 0; mesh < problem.meshes.size(); ++mesh)
        for (int64_t block = s; canBe[s][mesh] && block <= problem.blocks - (count - s); ++block)
          if (s > 0 || block == 0)
            fill(s, mesh, block);
    return best();
  }

private:
  // Meshes that stage s can have, as many stages behind the first devices.
  std::vector<std::vector<bool>> reachable() const {
    std::vector<std::vector<bool>> out(count, std::vector<bool>(problem.meshes.size()));
    for (size_t mesh = 0; mesh < problem.meshes.size(); ++mesh)
      out[0][mesh] = problem.meshes[mesh].first == 0;
    for (int64_t s = 0; s + 1 < count; ++s)
      for (size_t mesh = 0; mesh < problem.meshes.size(); ++mesh)
        for (const auto &[next, crossing] : behind[mesh])
          if (out[s][mesh])
            out[s + 1][next] = true;
    return out;
  }

  std::vector<Entry> &at(int64_t s, size_t mesh, int64_t block) {
    return states[s][mesh * problem.blocks + block];
  }

  void fill(int64_t s, size_t mesh, int64_t block) {
    const auto &ways = problem.tables[problem.meshes[mesh].table];
    const int64_t underWay = std::min(problem.microBatches, count - s);
    std::vector<Entry> &out = at(s, mesh, block);
    for (size_t way = 0; way < ways.size(); ++way) {
      Run run;
      for (int64_t end = block + 1; end <= problem.blocks - (count - 1 - s); ++end) {
        run.add(ways[way][end - 1]);
        if (!run.fits(problem.meshes[mesh], underWay))
          break;
        follow(s, {block, end, mesh, way}, run.cost, out);
      }
    }
    keepLeast(out);
  }

  // The stage, and all that can come behind it.
  void follow(int64_t s, const Stage &stage, const BlockCost &cost, std::vector<Entry> &out) {
    if (s == count - 1) {
      const StageMesh &mesh = problem.meshes[stage.mesh];
      if (stage.endBlock == problem.blocks && mesh.first + mesh.count == problem.devices)
        insert({before({}, cost.microSeconds, cost.stepSeconds), cost.microSeconds, stage}, out);
      return;
    }
    if (stage.endBlock == problem.blocks)
      return;
    for (const auto &[next, crossing] : behind[stage.mesh]) {
      const std::vector<Entry> &rest = at(s + 1, next, stage.endBlock);
      const double own = cost.microSeconds + crossing->backward[stage.endBlock];
      for (size_t e = 0; e < rest.size(); ++e)
        insert({before(received(rest[e], *crossing), own, cost.stepSeconds), own, stage,
                e | next << 32},
               out);
    }
  }

  // With what comes from the stage before, which was not known when the entry was made.
  static Times received(const Entry &entry, const Crossing &crossing) {
    const double seconds = crossing.forward[entry.stage.firstBlock];
    return {entry.times.sum + seconds, std::max(entry.times.micro, entry.own + seconds),
            entry.times.step};
  }

  // What comes to the stage adds to it alone, so its own time counts beside the three.
  static void insert(const Entry &entry, std::vector<Entry> &out) {
    auto covers = [](const Entry &a, const Entry &b) {
      return a.times.sum <= b.times.sum && a.times.micro <= b.times.micro &&
             a.times.step <= b.times.step && a.own <= b.own;
    };
    for (const Entry &known : out)
      if (covers(known, entry))
        return;
    out.erase(std::remove_if(out.begin(), out.end(),
                             [&](const Entry &known) { return covers(entry, known); }),
              out.end());
    out.push_back(entry);
  }

  void keepLeast(std::vector<Entry> &out) const {
    std::stable_sort(out.begin(), out.end(), [&](const Entry &l, const Entry &r) {
      return l.times.seconds(problem.microBatches) < r.times.seconds(problem.microBatches);
    });
    if (out.size() > mostKept)
      out.resize(mostKept);
  }

  std::optional<StageSolution> best() {
    const Entry *least = nullptr;
    for (size_t mesh = 0; mesh < problem.meshes.size(); ++mesh)
      for (const Entry &entry : at(0, mesh, 0))
        if (!least ||
            entry.times.seconds(problem.microBatches) < least->times.seconds(problem.microBatches))
          least = &entry;
    if (!least)
      return std::nullopt;
    StageSolution out{{}, least->times.seconds(problem.microBatches)};
    for (int64_t s = 0;; ++s) {
      out.stages.push_back(least->stage);
      if (s == count - 1)
        return out;
      least = &at(s + 1, least->next >> 32, least->stage.endBlock)[least->next & 0xffffffff];
    }
  }

  const StageProblem &problem;
  const int64_t count;
  const size_t mostKept;
  std::vector<std::vector<std::vector<Entry>>> states; ///< [stage][mesh, block]
  /// Those that may follow each mesh, in their order.
  std::vector<std::vector<std::pair<size_t, const Crossing *>>> behind;
};

} // namespace

Result<std::optional<StageSolution>> solveStages(const StageProblem &problem, int64_t stages,
                                                 size_t mostKept) {
  if (Status status = problem.check(); !status.isOk())
    return status;
  if (stages < 1)
    return wrongInput("a program has at least one stage");
  if (stages > problem.blocks || stages > problem.devices)
    return std::optional<StageSolution>();
  return Partition(problem, stages, mostKept).run();
}

// ---- Verify

static Status wrong(size_t stage, const std::string &what) {
  return Status(Code::Internal, "stage " + std::to_string(stage) + " " + what);
}

Status StageSolution::verify(const StageProblem &problem) const {
  int64_t block = 0, device = 0;
  double sum = 0, largest = 0, step = 0;
  for (size_t s = 0; s < stages.size(); ++s) {
    const Stage &stage = stages[s];
    if (stage.mesh >= problem.meshes.size() ||
        stage.way >= problem.tables[problem.meshes[stage.mesh].table].size())
      return wrong(s, "is on a mesh or runs in a way that is not there");
    const StageMesh &mesh = problem.meshes[stage.mesh];
    if (stage.firstBlock != block || stage.endBlock <= block || stage.endBlock > problem.blocks ||
        mesh.first != device)
      return wrong(s, "does not begin where the one before it ends");
    Run run;
    for (; block < stage.endBlock; ++block)
      run.add(problem.tables[mesh.table][stage.way][block]);
    device += mesh.count;
    if (!run.fits(mesh, std::min<int64_t>(problem.microBatches, stages.size() - s)))
      return wrong(s, "needs more memory than its mesh has");
    double micro = run.cost.microSeconds;
    if (s > 0) {
      auto crossing = problem.crossing.find({stages[s - 1].mesh, stage.mesh});
      if (crossing == problem.crossing.end())
        return wrong(s, "is on a mesh that does not follow the one before it");
      micro += crossing->second.forward[stage.firstBlock];
    }
    if (s + 1 < stages.size()) {
      auto crossing = problem.crossing.find({stage.mesh, stages[s + 1].mesh});
      if (crossing != problem.crossing.end() && stage.endBlock < problem.blocks)
        micro += crossing->second.backward[stage.endBlock];
    }
    sum += micro;
    largest = std::max(largest, micro);
    step = std::max(step, run.cost.stepSeconds);
  }
  if (block != problem.blocks || device != problem.devices)
    return Status(Code::Internal, "the stages leave out blocks or devices");
  double expected = sum + static_cast<double>(problem.microBatches - 1) * largest + step;
  if (std::abs(expected - seconds) > 1e-9 * expected)
    return Status(Code::Internal, "the stages take " + std::to_string(expected) + " s, not " +
                                      std::to_string(seconds));
  return Status::ok();
}

} // namespace of::search
