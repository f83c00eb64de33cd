// of-assign-memory
//
//   before   %g = task.register "g" slots 2     task.kernel "a" (%x) in_place [-1]
//   after    %g = task.register "g" slots 2 {task.offset = 4096}   task.kernel "a" (%x)
//            {task.offset = [8192]}    module attributes {task.chunks = {main = 65536}}
//
// A device's chunk, from its start:
//
//   | variables | registers, landing slots | temporaries of each compute stream |
//                └──────── of one program; programs run one after the other, so they overlay ──┘
//
// Segments of a stream never overlap in time, so its temporaries are one packing problem: the clock
// counts kernels in the order in which segments first fire. Devices of meshes that share a device
// get one layout.
#include "lib/Cost/ExchangeCost.h"
#include "lib/Schedule/Passes.h"
#include "lib/Schedule/ScratchSizes.h"
#include "lib/Schedule/SegmentBuffers.h"
#include "lib/Search/Packing.h"
#include "runtime/base/Landing.h"

#include "mlir/Pass/Pass.h"
#include "llvm/ADT/EquivalenceClasses.h"

#include <map>
#include <set>

using namespace mlir;

namespace of {

namespace {

/// Which chunk a mesh's memory is in: meshes that share devices share it. Named after the first.
class MeshGroups {
public:
  explicit MeshGroups(ModuleOp module) {
    std::map<int64_t, MeshAttr> owner;
    auto note = [&](Type type) {
      DistAttr dist = isa<RankedTensorType>(type) ? distOf(type) : DistAttr();
      if (!dist || !seen.insert(dist.getMesh()).second)
        return;
      order.push_back(dist.getMesh());
      classes.insert(position(dist.getMesh()));
      for (int64_t device : dist.getMesh().getDevices())
        if (auto [it, isNew] = owner.try_emplace(device, dist.getMesh()); !isNew)
          classes.unionSets(position(it->second), position(dist.getMesh()));
    };
    module.walk([&](Operation *op) {
      if (auto variable = dyn_cast<VariableOp>(op))
        note(variable.getType());
      for (Type type : op->getResultTypes())
        if (isa<RankedTensorType>(type))
          note(type);
    });
  }

  std::string groupOf(MeshAttr mesh) const {
    size_t leader = order.size();
    for (size_t i = 0; i < order.size(); ++i)
      if (classes.isEquivalent(i, position(mesh)))
        leader = std::min(leader, i);
    return order[leader].getName().str();
  }
  ArrayRef<MeshAttr> meshes() const { return order; }

private:
  size_t position(MeshAttr mesh) const { return llvm::find(order, mesh) - order.begin(); }
  SmallVector<MeshAttr> order;
  llvm::DenseSet<MeshAttr> seen;
  llvm::EquivalenceClasses<size_t> classes;
};

/// Bytes handed out one after the other.
struct Cursor {
  int64_t at = 0;
  int64_t take(int64_t bytes) { return std::exchange(at, at + alignedBytes(bytes)); }
};

struct Group {
  Cursor variables;
  int64_t end = 0;     ///< of the largest program
  int64_t maxLive = 0; ///< no layout can do with less, for these orders
};

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
    MeshGroups meshGroups(getOperation());
    groups = &meshGroups;
    layout.clear();
    placeVariables();
    for (auto program : getOperation().getOps<task::ProgramOp>())
      if (failed(placeProgram(program)))
        return signalPassFailure();
    if (failed(finish()))
      signalPassFailure();
  }

  Group &groupOf(MeshAttr mesh) { return layout[groups->groupOf(mesh)]; }
  IntegerAttr number(int64_t value) { return Builder(&getContext()).getI64IntegerAttr(value); }

  void placeVariables() {
    for (auto variable : getOperation().getOps<VariableOp>()) {
      Group &group = groupOf(distOf(variable.getType()).getMesh());
      variable->setAttr(task::TaskDialect::offsetAttrName,
                        number(group.variables.take(partBytes(variable.getType()))));
    }
    for (auto &[name, group] : layout)
      group.end = group.maxLive = group.variables.at;
  }

  LogicalResult placeProgram(task::ProgramOp program) {
    SmallVector<task::SegmentOp> segments;
    program.walk([&](task::SegmentOp segment) { segments.push_back(segment); });
    if (failed(findScratch(segments)))
      return failure();
    std::map<std::string, Cursor> cursors;
    std::map<std::string, int64_t> live;
    auto cursorOf = [&](MeshAttr mesh) -> Cursor & {
      std::string name = groups->groupOf(mesh);
      return cursors.try_emplace(name, layout[name].variables).first->second;
    };
    for (auto reg : program.getBody().front().getOps<task::RegisterOp>()) {
      int64_t bytes = alignedBytes(partBytes(reg.getType())) * reg.getSlots();
      reg->setAttr(task::TaskDialect::offsetAttrName,
                   number(cursorOf(distOf(reg.getType()).getMesh()).take(bytes)));
    }
    for (auto exchange : program.getBody().front().getOps<task::ExchangeOp>())
      placeLanding(exchange, cursorOf(distOf(exchange.getOutputs()[0]).getMesh()));
    for (auto &[name, cursor] : cursors)
      live[name] = cursor.at;
    if (failed(placeTemporaries(program, segments, cursorOf, live)))
      return failure();
    for (auto &[name, cursor] : cursors) {
      layout[name].end = std::max(layout[name].end, cursor.at);
      layout[name].maxLive = std::max(layout[name].maxLive, live[name]);
    }
    return success();
  }

  // ---- Scratch
  // -------------------------------------------------------------------------------------------------

  // A library call for each distinct local shape; the largest answer serves all devices.
  LogicalResult findScratch(ArrayRef<task::SegmentOp> segments) {
    SmallVector<ScratchQuery> queries;
    SmallVector<task::KernelOp> owners;
    for (task::SegmentOp segment : segments)
      for (auto kernel : segment.getBody().front().getOps<task::KernelOp>())
        if (auto op = dyn_cast<LibraryOpInterface>(kernel.getBody().front().front()))
          addQueries(kernel, op, queries, owners);
    FailureOr<LibraryAnswer> answer = askLibraries(getOperation().getLoc(), ofRun, queries);
    if (failed(answer))
      return failure();
    Builder b(&getContext());
    SmallVector<NamedAttribute> versions;
    for (auto &[name, version] : answer->versions)
      versions.push_back(b.getNamedAttr(name, b.getStringAttr(version)));
    getOperation()->setAttr("task.libraries", b.getDictionaryAttr(versions));
    for (auto [kernel, bytes] : llvm::zip(owners, answer->scratch)) {
      auto known = kernel->getAttrOfType<DenseI64ArrayAttr>("task.scratch");
      int64_t most = std::max(known ? known[0] : 0, bytes);
      kernel->setAttr("task.scratch", DenseI64ArrayAttr::get(&getContext(), {most, 0}));
    }
    return success();
  }

  void addQueries(task::KernelOp kernel, LibraryOpInterface op, SmallVector<ScratchQuery> &queries,
                  SmallVector<task::KernelOp> &owners) {
    MeshAttr mesh = distOf(kernel.getResult(0)).getMesh();
    auto typesAt = [](TypeRange types, int64_t point) {
      return llvm::map_to_vector(types, [&](Type t) { return localTypeAt(t, point); });
    };
    // What a routine takes depends on its shapes and on how many tiles share it.
    SmallVector<std::pair<SmallVector<RankedTensorType>, int64_t>> seen;
    for (int64_t point = 0; point < mesh.numDevices(); ++point) {
      SmallVector<RankedTensorType> operands = typesAt(op->getOperandTypes(), point),
                                    results = typesAt(op->getResultTypes(), point);
      SmallVector<RankedTensorType> all = operands;
      llvm::append_range(all, results);
      int64_t threads = cluster.devices[mesh.getDevices()[point]].threads;
      if (llvm::is_contained(seen, std::pair(all, threads)))
        continue;
      seen.push_back({all, threads});
      LibraryCall call = op.getLibraryCall(operands, results);
      if (!call.scratch)
        continue;
      queries.push_back({call, threads});
      owners.push_back(kernel);
    }
  }

  // ---- Landing slots
  // -------------------------------------------------------------------------------------------

  // Space for what other hosts push: [offset, bytes of a slot, slots].
  void placeLanding(task::ExchangeOp exchange, Cursor &cursor) {
    std::vector<ExchangePart> parts;
    for (auto [in, out] : llvm::zip(exchange.getInputs(), exchange.getOutputs())) {
      auto type = cast<RankedTensorType>(in.getType());
      parts.push_back({dtypeOf(type.getElementType()),
                       Shape(type.getShape().begin(), type.getShape().end()), distOf(in).layout(),
                       distOf(out).layout()});
    }
    DistanceFn distance = distanceIn(cluster);
    int64_t bytes = 0;
    for (int64_t device : distOf(exchange.getOutputs()[0]).getMesh().getDevices())
      bytes = std::max(bytes, landingSlotBytes(parts, device, distance));
    int64_t slots = exchange.getOutputs()[0].getDefiningOp<task::RegisterOp>().getSlots();
    SmallVector<int64_t> landing{cursor.at, alignedBytes(bytes), slots};
    cursor.take(alignedBytes(bytes) * slots);
    exchange->setAttr("task.landing", DenseI64ArrayAttr::get(&getContext(), landing));
  }

  // ---- Temporaries
  // ---------------------------------------------------------------------------------------------

  template <typename CursorOf>
  LogicalResult placeTemporaries(task::ProgramOp program, ArrayRef<task::SegmentOp> segments,
                                 CursorOf cursorOf, std::map<std::string, int64_t> &live) {
    struct Arena {
      MeshAttr mesh;
      search::PackingProblem problem;
      std::vector<TemporaryBuffer> buffers;
      int64_t clock = 0;
    };
    llvm::MapVector<Attribute, Arena> arenas;
    for (const TaskInfo &task : tasksOf(program)) {
      auto segment = dyn_cast<task::SegmentOp>(task.op);
      if (!segment)
        continue;
      Arena &arena = arenas[task.mesh];
      arena.mesh = task.mesh;
      SegmentBuffers buffers(segment);
      for (TemporaryBuffer &t : buffers.temporaries()) {
        arena.problem.buffers.push_back({arena.buffers.size(), arena.clock + t.first,
                                         arena.clock + t.last + 1, t.bytes, kBufferAlignment});
        arena.buffers.push_back(t);
      }
      arena.clock += llvm::range_size(segment.getBody().front().template getOps<task::KernelOp>());
    }
    for (auto &[key, arena] : arenas) {
      Result<search::PackingSolution> packed = search::pack(arena.problem);
      if (!packed.isOk())
        return program.emitError("temporaries of mesh '")
               << arena.mesh.getName() << "': " << packed.status().message();
      Cursor &cursor = cursorOf(arena.mesh);
      int64_t base = cursor.take(packed->peak);
      live[groups->groupOf(arena.mesh)] += search::maxLive(arena.problem).bytes;
      for (auto [buffer, offset] : llvm::zip(arena.buffers, packed->offsets))
        place(buffer, base + offset);
    }
    return success();
  }

  void place(const TemporaryBuffer &buffer, int64_t offset) {
    if (task::KernelOp kernel = buffer.scratchOf) {
      int64_t bytes = kernel->getAttrOfType<DenseI64ArrayAttr>("task.scratch")[0];
      kernel->setAttr("task.scratch", DenseI64ArrayAttr::get(&getContext(), {bytes, offset}));
    }
    for (OpResult value : buffer.values) {
      Operation *kernel = value.getOwner();
      SmallVector<int64_t> offsets(kernel->getNumResults(), -1);
      if (auto known = kernel->getAttrOfType<DenseI64ArrayAttr>(task::TaskDialect::offsetAttrName))
        offsets.assign(known.asArrayRef().begin(), known.asArrayRef().end());
      offsets[value.getResultNumber()] = offset;
      kernel->setAttr(task::TaskDialect::offsetAttrName,
                      DenseI64ArrayAttr::get(&getContext(), offsets));
    }
  }

  // ---- Result
  // --------------------------------------------------------------------------------------------------

  LogicalResult finish() {
    Builder b(&getContext());
    SmallVector<NamedAttribute> bytes, live;
    bool fits = true;
    for (auto &[name, group] : layout) {
      bytes.push_back(b.getNamedAttr(name, b.getI64IntegerAttr(group.end)));
      live.push_back(b.getNamedAttr(name, b.getI64IntegerAttr(group.maxLive)));
    }
    for (MeshAttr mesh : groups->meshes())
      for (int64_t device : mesh.getDevices()) {
        int64_t limit = cluster.devices[device].memoryBytes, needs = groupOf(mesh).end;
        if (limit == 0 || needs <= limit)
          continue;
        fits = false;
        getOperation().emitError("device ")
            << device << " of node '" << cluster.nodes[cluster.devices[device].node].name
            << "' has " << limit << " bytes of memory, the job needs " << needs << " there ("
            << groupOf(mesh).variables.at
            << " of them variables); take a smaller batch, more micro-batches or more devices";
      }
    getOperation()->setAttr(task::TaskDialect::chunksAttrName, b.getDictionaryAttr(bytes));
    getOperation()->setAttr("task.max_live", b.getDictionaryAttr(live));
    getOperation()->setAttr("task.groups", deviceGroups(b));
    return success(fits);
  }

  // Which devices have each chunk.
  DictionaryAttr deviceGroups(Builder &b) {
    std::map<std::string, std::set<int64_t>> members;
    for (MeshAttr mesh : groups->meshes())
      members[groups->groupOf(mesh)].insert(mesh.getDevices().begin(), mesh.getDevices().end());
    SmallVector<NamedAttribute> out;
    for (auto &[name, devices] : members)
      out.push_back(b.getNamedAttr(
          name, b.getDenseI64ArrayAttr(SmallVector<int64_t>(devices.begin(), devices.end()))));
    return b.getDictionaryAttr(out);
  }

  Cluster cluster;
  MeshGroups *groups = nullptr;
  std::map<std::string, Group> layout;
};

} // namespace

std::unique_ptr<Pass> createAssignMemoryPass() { return std::make_unique<AssignMemoryPass>(); }

} // namespace of
