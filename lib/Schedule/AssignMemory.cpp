// of-assign-memory
//
//   before   %g = task.register "g" slots 2     task.kernel "a" (%x) in_place [-1]
//   after    %g = task.register "g" slots 2 {task.offset = 4096}   task.kernel "a" (%x)
//            {task.offset = [8192]}    module attributes {task.chunks = {main = 65536}}
//
// A device's chunk, from its start:
//
//   | variables | in use at all times | registers and temporaries, by turns |
//                └────────────── of one program; programs run one after the other ──────────────┘
//
// What takes turns is one packing problem on the clock of the device's compute stream
// (Lifetimes.h), whether they are one stage's or several's. Devices of meshes that share a device
// get one layout; if meshes meet in some of their devices only there is no one clock, and registers
// and the temporaries of each stream have places of their own.
//
// Registers on the host are a second problem of the same kind, on the same clock; their chunks are
// within the memory of the node.
#include "lib/Config/Attributes.h"
#include "lib/Cost/ExchangeCost.h"
#include "lib/Cost/MemoryShortage.h"
#include "lib/Schedule/Lifetimes.h"
#include "lib/Schedule/MeshGroups.h"
#include "lib/Schedule/Passes.h"
#include "lib/Schedule/ScratchSizes.h"
#include "lib/Schedule/SegmentBuffers.h"
#include "lib/Search/Packing.h"
#include "runtime/base/Landing.h"

#include "mlir/Pass/Pass.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

#include <functional>
#include <set>

using namespace mlir;

namespace of {

namespace {

/// Bytes with a place to be found; in use in [lower, upper) of the clock, or at all times.
struct Block {
  int64_t bytes = 0;
  std::optional<std::pair<int64_t, int64_t>> life;
  std::function<void(int64_t)> place;
  task::RegisterOp reg;
  int64_t offset = 0;
  std::string name; ///< of a value in it
};

struct Group {
  int64_t variables = 0; ///< bytes of them
  int64_t end = 0;       ///< of the largest program
  int64_t onHost = 0;    ///< bytes of the chunk on the host
  int64_t maxLive = 0;   ///< no layout can do with less, for these orders
  MemoryPeak peak;       ///< of the largest program
};

int64_t take(int64_t &cursor, int64_t bytes) {
  return std::exchange(cursor, cursor + alignedBytes(bytes));
}

/// The layout of one program on the devices of one group.
class ProgramMemory {
public:
  /// Borrows the program's tasks.
  ProgramMemory(task::ProgramOp program, ArrayRef<TaskInfo> tasks, const Cluster &cluster)
      : program(program), tasks(tasks), cluster(cluster) {}

  void addMesh(MeshAttr mesh) { meshes.push_back(mesh); }
  LogicalResult run(Group &group);
  ArrayRef<ReuseEdge> reuses() const { return edges; }

private:
  bool here(MeshAttr mesh) const { return llvm::is_contained(meshes, mesh); }
  SmallVector<task::SegmentOp> segmentsOf(MeshAttr mesh) const;
  std::vector<Block> registers(Lifetimes *lives, bool onHost);
  void addLanding(task::ExchangeOp exchange);
  void addTemporaries(MeshAttr mesh, Lifetimes &lives);
  LogicalResult addArena(MeshAttr mesh, Lifetimes &lives);
  FailureOr<std::pair<int64_t, int64_t>> pack(MutableArrayRef<Block> blocks, int64_t base);
  void keepEdges(Lifetimes &lives, ArrayRef<Block> blocks);
  MemoryPeak peakOf(const Lifetimes *lives);

  task::ProgramOp program;
  ArrayRef<TaskInfo> tasks;
  const Cluster &cluster;
  SmallVector<MeshAttr> meshes;
  std::vector<Block> blocks;
  int64_t arenasOver = 0; ///< bytes of packed arenas above what is live in them
  std::vector<ReuseEdge> edges;
  search::MaxLive live; ///< of what was packed last
};

LogicalResult ProgramMemory::run(Group &group) {
  std::vector<std::pair<MeshAttr, std::unique_ptr<Lifetimes>>> clocks;
  for (const TaskInfo &task : tasks)
    if (isa<task::SegmentOp>(task.op) && !program.getOrdersAttr())
      return program.emitOpError("has no orders; run of-schedule before of-assign-memory");
    else if (isa<task::SegmentOp>(task.op) && here(task.mesh) &&
             llvm::none_of(clocks, [&](auto &clock) {
               return clock.first.getDevices() == task.mesh.getDevices();
             }))
      clocks.emplace_back(task.mesh,
                          std::make_unique<Lifetimes>(program, tasks, task.mesh, cluster));
  const bool oneClock = clocks.size() == 1;
  Lifetimes *clock = oneClock ? clocks[0].second.get() : nullptr;
  std::vector<Block> host = registers(clock, /*onHost=*/true);
  FailureOr<std::pair<int64_t, int64_t>> hostSizes = pack(host, 0);
  if (failed(hostSizes))
    return failure();
  group.onHost = std::max(group.onHost, hostSizes->first);
  blocks = registers(clock, /*onHost=*/false);
  for (auto exchange : program.getBody().front().getOps<task::ExchangeOp>())
    if (here(distOf(exchange.getOutputs()[0]).getMesh()))
      addLanding(exchange);
  for (auto &[mesh, lives] : clocks)
    if (oneClock)
      addTemporaries(mesh, *lives);
    else if (failed(addArena(mesh, *lives)))
      return failure();
  FailureOr<std::pair<int64_t, int64_t>> sizes = pack(blocks, group.variables);
  if (failed(sizes))
    return failure();
  if (sizes->first > group.end)
    group.peak = peakOf(clock);
  group.end = std::max(group.end, sizes->first);
  group.maxLive = std::max(group.maxLive, sizes->second - arenasOver);
  if (oneClock) {
    keepEdges(*clock, blocks);
    keepEdges(*clock, host);
  }
  return success();
}

std::vector<Block> ProgramMemory::registers(Lifetimes *lives, bool onHost) {
  std::vector<Block> out;
  for (auto reg : program.getBody().front().getOps<task::RegisterOp>()) {
    if (reg.getHost() != onHost || !here(distOf(reg.getType()).getMesh()))
      continue;
    Block block;
    block.bytes = alignedBytes(partBytes(reg.getType())) * reg.getSlots();
    block.reg = reg;
    block.name = reg.getName().str();
    if (lives)
      block.life = lives->of(reg);
    block.place = [reg](int64_t at) mutable {
      reg->setAttr(task::TaskDialect::offsetAttrName,
                   Builder(reg.getContext()).getI64IntegerAttr(at));
    };
    out.push_back(std::move(block));
  }
  return out;
}

// Space for what other hosts push, at any time: [offset, bytes of a slot, slots].
void ProgramMemory::addLanding(task::ExchangeOp exchange) {
  std::vector<ExchangePart> parts = exchangeParts(exchange);
  DistanceFn distance = distanceIn(cluster);
  ArrayRef<int64_t> devices = distOf(exchange.getOutputs()[0]).getMesh().getDevices();
  const std::vector<int64_t> each =
      landingSlotBytes(parts, {devices.begin(), devices.end()}, distance);
  int64_t bytes = alignedBytes(*llvm::max_element(each));
  int64_t slots =
      landingSlots(bytes, exchange.getOutputs()[0].getDefiningOp<task::RegisterOp>().getSlots());
  Block block;
  block.bytes = bytes * slots;
  block.name = exchange.getName().str();
  block.place = [exchange, bytes, slots](int64_t at) mutable {
    exchange->setAttr("task.landing",
                      DenseI64ArrayAttr::get(exchange.getContext(), {at, bytes, slots}));
  };
  blocks.push_back(std::move(block));
}

static void placeTemporary(const TemporaryBuffer &buffer, int64_t offset) {
  if (task::KernelOp kernel = buffer.scratchOf) {
    int64_t bytes = kernel->getAttrOfType<DenseI64ArrayAttr>("task.scratch")[0];
    kernel->setAttr("task.scratch", DenseI64ArrayAttr::get(kernel->getContext(), {bytes, offset}));
  }
  for (OpResult value : buffer.values) {
    Operation *kernel = value.getOwner();
    SmallVector<int64_t> offsets(kernel->getNumResults(), -1);
    if (auto known = kernel->getAttrOfType<DenseI64ArrayAttr>(task::TaskDialect::offsetAttrName))
      offsets.assign(known.asArrayRef().begin(), known.asArrayRef().end());
    offsets[value.getResultNumber()] = offset;
    kernel->setAttr(task::TaskDialect::offsetAttrName,
                    DenseI64ArrayAttr::get(kernel->getContext(), offsets));
  }
}

SmallVector<task::SegmentOp> ProgramMemory::segmentsOf(MeshAttr mesh) const {
  SmallVector<task::SegmentOp> out;
  for (const TaskInfo &task : tasks)
    if (auto segment = dyn_cast<task::SegmentOp>(task.op);
        segment && task.mesh.getDevices() == mesh.getDevices())
      out.push_back(segment);
  return out;
}

static std::string nameOf(const TemporaryBuffer &temporary) {
  task::KernelOp kernel = temporary.scratchOf;
  if (!kernel)
    kernel = temporary.values.front().getDefiningOp<task::KernelOp>();
  return kernel.getName().str();
}

void ProgramMemory::addTemporaries(MeshAttr mesh, Lifetimes &lives) {
  for (task::SegmentOp segment : segmentsOf(mesh))
    for (TemporaryBuffer &temporary : SegmentBuffers(segment).temporaries()) {
      int64_t first = lives.firstTick(segment);
      Block block;
      block.bytes = temporary.bytes;
      block.name = nameOf(temporary);
      block.life = std::pair(first + temporary.first, first + temporary.last + 1);
      block.place = [temporary](int64_t at) { placeTemporary(temporary, at); };
      blocks.push_back(std::move(block));
    }
}

// The temporaries of one stream of several as one block.
LogicalResult ProgramMemory::addArena(MeshAttr mesh, Lifetimes &lives) {
  std::vector<Block> outer = std::exchange(blocks, {});
  addTemporaries(mesh, lives);
  FailureOr<std::pair<int64_t, int64_t>> sizes = pack(blocks, 0);
  if (failed(sizes))
    return failure();
  Block arena;
  arena.bytes = sizes->first;
  arena.name = "temporaries of " + mesh.getName().str();
  arenasOver += sizes->first - sizes->second;
  arena.place = [inner = std::exchange(blocks, std::move(outer))](int64_t at) {
    for (const Block &block : inner)
      block.place(at + block.offset);
  };
  blocks.push_back(std::move(arena));
  return success();
}

// The bytes up to the end of the last block, and those of what is live at once.
FailureOr<std::pair<int64_t, int64_t>> ProgramMemory::pack(MutableArrayRef<Block> blocks,
                                                           int64_t base) {
  search::PackingProblem problem;
  SmallVector<Block *> packed;
  for (Block &block : blocks) {
    if (!block.life) {
      block.offset = take(base, block.bytes);
      continue;
    }
    problem.buffers.push_back(
        {packed.size(), block.life->first, block.life->second, block.bytes, kBufferAlignment});
    packed.push_back(&block);
  }
  Result<search::PackingSolution> solution = search::pack(problem);
  if (!solution.isOk())
    return program.emitError("program @")
           << program.getSymName() << " has no layout: " << solution.status().message();
  for (auto [block, offset] : llvm::zip(packed, solution->offsets))
    block->offset = base + offset;
  for (const Block &block : blocks)
    block.place(block.offset);
  live = search::maxLive(problem);
  return std::pair(base + alignedBytes(solution->peak), base + live.bytes);
}

/// Values that a message names.
static constexpr size_t mostNamed = 3;

MemoryPeak ProgramMemory::peakOf(const Lifetimes *lives) {
  MemoryPeak out;
  out.program = program.getSymName().str();
  if (lives)
    out.at = lives->kernelAt(live.time);
  for (const Block &block : blocks)
    if (!block.life || (block.life->first <= live.time && live.time < block.life->second))
      out.largest.push_back({block.name, block.bytes});
  llvm::stable_sort(out.largest, [](auto &l, auto &r) { return l.second > r.second; });
  out.largest.resize(std::min(out.largest.size(), mostNamed));
  return out;
}

// A reuse edge is kept if something shares bytes with the register that it is for.
void ProgramMemory::keepEdges(Lifetimes &lives, ArrayRef<Block> blocks) {
  std::set<std::tuple<std::string, std::string, int64_t>> kept;
  for (const Block &block : blocks) {
    if (!block.reg || !block.life || block.bytes == 0)
      continue;
    const bool shares = llvm::any_of(blocks, [&](const Block &other) {
      return &other != &block && other.bytes > 0 && other.offset < block.offset + block.bytes &&
             block.offset < other.offset + other.bytes;
    });
    if (shares)
      for (const ReuseEdge &edge : lives.edgesOf(block.reg))
        if (kept.insert({edge.from, edge.to, edge.lag}).second)
          edges.push_back(edge);
  }
}

struct AssignMemoryPass : PassWrapper<AssignMemoryPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(AssignMemoryPass)
  AssignMemoryPass() = default;
  AssignMemoryPass(const AssignMemoryPass &other) : PassWrapper(other) {}
  StringRef getArgument() const override { return "of-assign-memory"; }
  StringRef getDescription() const override { return "Lays out every device's chunk"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<OfDialect, task::TaskDialect, func::FuncDialect>();
  }
  Option<std::string> ofRun{*this, "of-run",
                            llvm::cl::desc("of-run to ask for scratch sizes; default: beside "
                                           "this program")};

  void runOnOperation() override {
    FailureOr<Cluster> found = clusterOf(getOperation());
    if (failed(found))
      return signalPassFailure();
    cluster = *found;
    MeshGroups groups(getOperation());
    layout.clear();
    placeVariables(groups);
    for (auto program : getOperation().getOps<task::ProgramOp>())
      if (failed(placeProgram(program, groups)))
        return signalPassFailure();
    if (failed(finish(groups)))
      signalPassFailure();
  }

  void placeVariables(const MeshGroups &groups) {
    Builder b(&getContext());
    for (auto variable : getOperation().getOps<VariableOp>()) {
      Group &group = layout[groups.groupOf(distOf(variable.getType()).getMesh())];
      variable->setAttr(task::TaskDialect::offsetAttrName,
                        b.getI64IntegerAttr(take(group.variables, partBytes(variable.getType()))));
    }
    for (MeshAttr mesh : groups.meshes())
      layout[groups.groupOf(mesh)];
    for (auto &[name, group] : layout)
      group.end = group.maxLive = group.variables;
  }

  LogicalResult placeProgram(task::ProgramOp program, const MeshGroups &groups) {
    if (failed(findScratch(program, cluster, ofRun)))
      return failure();
    Builder b(&getContext());
    const std::vector<TaskInfo> tasks = tasksOf(program);
    SmallVector<Attribute> reuses;
    for (auto &[name, group] : layout) {
      ProgramMemory memory(program, tasks, cluster);
      for (MeshAttr mesh : groups.meshes())
        if (groups.groupOf(mesh) == name)
          memory.addMesh(mesh);
      if (failed(memory.run(group)))
        return failure();
      for (const ReuseEdge &edge : memory.reuses())
        reuses.push_back(b.getArrayAttr(
            {b.getStringAttr(edge.from), b.getStringAttr(edge.to), b.getI64IntegerAttr(edge.lag)}));
    }
    program->setAttr(task::TaskDialect::reusesAttrName, b.getArrayAttr(reuses));
    return success();
  }

  LogicalResult finish(const MeshGroups &groups) {
    Builder b(&getContext());
    SmallVector<NamedAttribute> bytes, live, onHost;
    bool fits = succeeded(checkHosts(groups));
    FailureOr<Job> job = failure();
    if (getOperation()->hasAttr(jobAttrName))
      job = jobOf(getOperation());
    for (auto &[name, group] : layout) {
      bytes.push_back(b.getNamedAttr(name, b.getI64IntegerAttr(group.end)));
      live.push_back(b.getNamedAttr(name, b.getI64IntegerAttr(group.maxLive)));
      if (group.onHost > 0)
        onHost.push_back(b.getNamedAttr(name, b.getI64IntegerAttr(group.onHost)));
    }
    // Devices of one group that have as much memory are one error.
    llvm::MapVector<std::pair<StringRef, int64_t>, SetVector<int64_t>> tooSmall;
    for (MeshAttr mesh : groups.meshes())
      for (int64_t device : mesh.getDevices()) {
        const auto group = layout.find(groups.groupOf(mesh));
        const int64_t limit = cluster.devices[device].memoryBytes;
        if (limit != 0 && group->second.end > limit)
          tooSmall[{group->first, limit}].insert(device);
      }
    for (const auto &[where, devices] : tooSmall) {
      const Group &group = layout.find(where.first.str())->second;
      const int64_t limit = where.second, needs = group.end, first = devices.front();
      fits = false;
      auto error = getOperation().emitError("device ")
                   << first << " of node '" << cluster.nodes[cluster.devices[first].node].name
                   << "' has " << limit << " bytes of memory, the job needs " << needs << " there";
      if (devices.size() > 1)
        error << " and on " << devices.size() - 1 << " more like it";
      error << ", " << describe({limit, needs, group.variables}, group.peak) << "; take "
            << remedies({limit, needs, group.variables}, succeeded(job) ? &*job : nullptr);
    }
    getOperation()->setAttr(task::TaskDialect::chunksAttrName, b.getDictionaryAttr(bytes));
    getOperation()->setAttr("task.max_live", b.getDictionaryAttr(live));
    if (!onHost.empty())
      getOperation()->setAttr(task::TaskDialect::hostChunksAttrName, b.getDictionaryAttr(onHost));
    getOperation()->setAttr(task::TaskDialect::groupsAttrName, groups.devices(b));
    return success(fits);
  }

  // What the devices of a node keep on their host, and a CPU's own memory beside it, are within
  // what the node may use.
  LogicalResult checkHosts(const MeshGroups &groups) {
    std::map<int64_t, std::string> groupOf; // by device
    for (MeshAttr mesh : groups.meshes())
      for (int64_t device : mesh.getDevices())
        groupOf[device] = groups.groupOf(mesh);
    std::vector<int64_t> kept(cluster.nodes.size()), own(cluster.nodes.size());
    for (const auto &[device, name] : groupOf) {
      const ClusterDevice &of = cluster.devices[device];
      kept[of.node] += layout[name].onHost;
      own[of.node] += of.kind == "cpu" ? layout[name].end : 0;
    }
    bool fits = true;
    for (const auto &[node, keeps, takes] : llvm::zip(cluster.nodes, kept, own)) {
      if (node.memoryBytes == 0 || keeps == 0 || keeps + takes <= node.memoryBytes)
        continue;
      fits = false;
      auto error = getOperation().emitError("node '") << node.name << "' has " << node.memoryBytes
                                                      << " bytes of memory, its devices keep "
                                                      << keeps << " there for the backward pass";
      if (takes > 0)
        error << " and take " << takes << " themselves";
      error << "; take offload: none, a smaller batch or more nodes";
    }
    return success(fits);
  }

  Cluster cluster;
  std::map<std::string, Group> layout;
};

} // namespace

std::unique_ptr<Pass> createAssignMemoryPass() { return std::make_unique<AssignMemoryPass>(); }

} // namespace of
