#include "lib/Schedule/Lifetimes.h"

#include "lib/Cost/ExchangeCost.h"
#include "lib/Schedule/TaskCost.h"
#include "runtime/base/Landing.h"

using namespace mlir;

namespace of {

/// Below this a register is not worth a message in each iteration.
static constexpr int64_t kWorthAnEdge = 4096;

Lifetimes::Lifetimes(task::ProgramOp program, ArrayRef<TaskInfo> tasksOfProgram, MeshAttr mesh,
                     const Cluster &cluster)
    : program(program), mesh(mesh), all(tasksOfProgram) {
  for (auto [i, task] : llvm::enumerate(all))
    if (onDevicesOf(task.mesh))
      tasks.push_back(i);
  listSegments();
  fine = !hasEmptyParts();
  fillOrder(cluster);
  hasTimes = program->hasAttrOfType<IntegerAttr>(periodAttrName) &&
             llvm::all_of(tasks, [&](uint32_t task) {
               return all[task].op->hasAttrOfType<DenseI64ArrayAttr>(startAttrName) &&
                      all[task].op->hasAttrOfType<DenseI64ArrayAttr>(lastAttrName) &&
                      all[task].op->hasAttrOfType<DenseF64ArrayAttr>(secondsAttrName);
             });
}

void Lifetimes::listSegments() {
  std::map<std::string, uint32_t> index;
  for (auto [i, task] : llvm::enumerate(tasks))
    index[all[task].name] = i;
  std::vector<uint32_t> fired;
  for (uint32_t task : tasks)
    if (isa<task::SegmentOp>(all[task].op)) {
      for (auto name : program.getOrdersAttr()
                           .getAs<ArrayAttr>(all[task].streamName())
                           .getAsRange<StringAttr>())
        fired.push_back(index.at(name.str()));
      break; // all are on one stream
    }
  auto isMicro = [&](uint32_t task) { return all[tasks[task]].firings > 1; };
  const auto rangeBegin = llvm::find_if(fired, isMicro);
  const auto rangeEnd = std::find_if(fired.rbegin(), fired.rend(), isMicro).base();
  const std::set<uint32_t> range(rangeBegin, std::max(rangeBegin, rangeEnd));
  const llvm::SetVector<uint32_t> inOrder(fired.begin(), fired.end());
  int64_t tick = 0;
  for (uint32_t task : inOrder) {
    auto op = cast<task::SegmentOp>(all[tasks[task]].op);
    Segment segment;
    segment.task = task;
    segment.inRange = range.count(task);
    segment.first = ++tick;
    tick += llvm::range_size(op.getBody().front().getOps<task::KernelOp>());
    segment.end = tick;
    if (segment.inRange) {
      if (microEnd == 0)
        microBegin = segment.first;
      microEnd = segment.end;
    }
    byOp[op] = segments.size();
    segments.push_back(segment);
  }
  end = std::max<int64_t>(tick, 1);
}

// A device leaves out kernels without results; what waits for one there waits for another.
bool Lifetimes::hasEmptyParts() const {
  for (const Segment &segment : segments)
    for (auto kernel : cast<task::SegmentOp>(all[tasks[segment.task]].op)
                           .getBody()
                           .front()
                           .getOps<task::KernelOp>())
      for (Type type : kernel.getResultTypes())
        for (int64_t point = 0; point < mesh.numDevices(); ++point)
          if (localTypeAt(type, point).getNumElements() == 0)
            return true;
  return false;
}

static int64_t pointOf(const TaskInfo &task, int64_t call) {
  if (task.end == TaskInfo::End::Send)
    return ProgramOrder::kReleased;
  return call < 0 ? ProgramOrder::kEnd : call;
}

void Lifetimes::fillOrder(const Cluster &cluster) {
  std::vector<uint32_t> firings;
  std::map<std::string, std::vector<uint32_t>> streams;
  std::map<std::string, uint32_t> index;
  for (auto [i, task] : llvm::enumerate(tasks)) {
    firings.push_back(all[task].firings);
    streams[all[task].streamName()];
    index[all[task].name] = i;
  }
  order = ProgramOrder(firings);
  for (auto &[name, list] : streams) {
    for (auto task : program.getOrdersAttr().getAs<ArrayAttr>(name).getAsRange<StringAttr>())
      list.push_back(index.at(task.str()));
    order.addStream(list);
  }
  DistanceFn distance = distanceIn(cluster);
  llvm::DenseMap<Value, std::vector<std::pair<uint32_t, const TaskInfo::Port *>>> readers;
  for (auto [r, reader] : llvm::enumerate(tasks))
    for (const TaskInfo::Port &in : all[reader].inputs)
      readers[in.reg].push_back({r, &in});
  for (auto [w, writer] : llvm::enumerate(tasks)) {
    for (const TaskInfo::Port &out : all[writer].outputs)
      for (auto [r, in] : readers[out.reg])
        order.addRegister({static_cast<uint32_t>(w), pointOf(all[writer], out.call),
                           static_cast<uint32_t>(out.period)},
                          {r, pointOf(all[tasks[r]], in->call), static_cast<uint32_t>(in->period)},
                          out.reg.getDefiningOp<task::RegisterOp>().getSlots(), 0);
    if (all[writer].end != TaskInfo::End::Send)
      continue;
    for (auto [r, reader] : llvm::enumerate(tasks))
      if (all[reader].op == all[writer].op && all[reader].end == TaskInfo::End::Receive &&
          takeOwnPieces(exchangeParts(cast<task::ExchangeOp>(all[writer].op)),
                        {mesh.getDevices().begin(), mesh.getDevices().end()}, distance))
        order.addOwnPiece(w, r);
  }
}

std::optional<std::pair<int64_t, int64_t>> Lifetimes::of(task::RegisterOp reg) {
  std::vector<ReuseEdge> &edges = relies[reg];
  edges.clear();
  if (segments.empty() || !onDevicesOf(distOf(reg.getType()).getMesh()))
    return std::nullopt;
  std::optional<int64_t> lower;
  int64_t upper = 0;
  std::vector<Point> users; // the writer first
  for (auto [i, task] : llvm::enumerate(tasks))
    for (const TaskInfo::Port &out : all[task].outputs)
      if (out.reg == reg.getResult()) {
        // Nothing of the next iteration's version before all uses of this one's.
        if (!llvm::all_of(segments, [&](const Segment &s) { return comesBefore(s, i, 1); }))
          return std::nullopt;
        lower = lowerOf(i, out.call);
        upper = *lower + 1;
        users.push_back({static_cast<uint32_t>(i), ProgramOrder::kEnd});
      }
  if (!lower)
    return std::nullopt;
  for (auto [i, task] : llvm::enumerate(tasks))
    for (const TaskInfo::Port &in : all[task].inputs)
      if (in.reg == reg.getResult())
        users.push_back({static_cast<uint32_t>(i), pointOf(all[task], in.call)});
  // The readers come after a writer that is no segment.
  if (users.size() > 1 && !byOp.count(all[tasks[users.front().task]].op))
    users.erase(users.begin());
  for (const Point &user : users) {
    std::optional<int64_t> until = upperOf(reg, user);
    if (!until) {
      edges.clear();
      return std::nullopt;
    }
    upper = std::max(upper, *until);
  }
  return std::pair(*lower, upper);
}

std::string Lifetimes::kernelAt(int64_t tick) const {
  for (const Segment &segment : segments)
    if (segment.first <= tick && tick < segment.end) {
      auto kernels = cast<task::SegmentOp>(all[tasks[segment.task]].op)
                         .getBody()
                         .front()
                         .getOps<task::KernelOp>();
      return (*std::next(kernels.begin(), tick - segment.first)).getName().str();
    }
  return "";
}

std::vector<ReuseEdge> Lifetimes::edgesOf(task::RegisterOp reg) const { return relies.lookup(reg); }

// The writer's own first kernel, or the tick behind the latest kernel that comes before the writer.
int64_t Lifetimes::lowerOf(uint32_t writer, int64_t call) {
  if (auto it = byOp.find(all[tasks[writer]].op); it != byOp.end()) {
    const Segment &segment = segments[it->second];
    if (segment.inRange)
      return microBegin;
    return segment.first + (fine ? std::max<int64_t>(call, 0) : 0);
  }
  const bool micro = all[tasks[writer]].firings > 1;
  for (const Segment &segment : llvm::reverse(segments)) {
    if (segment.inRange || (micro && segment.first > microBegin)) {
      // All of the range or nothing of it.
      bool after = !micro && llvm::all_of(segments, [&](const Segment &s) {
        return !s.inRange || comesBefore(s, writer, 0);
      });
      if (after && segment.end == microEnd)
        return segment.end;
      continue;
    }
    if (comesBefore(segment, writer, 0))
      return segment.end;
    for (int64_t call = segment.end - segment.first - 1; fine && call >= 0; --call)
      if (order.lag({segment.task, call}, writer) == 0)
        return segment.first + call + 1;
  }
  return 0;
}

// The tick at which a user of the register is done: behind its own last kernel, or the one of the
// first segment that comes after it.
std::optional<int64_t> Lifetimes::upperOf(task::RegisterOp reg, Point reader) {
  if (auto it = byOp.find(all[tasks[reader.task]].op); it != byOp.end()) {
    const Segment &segment = segments[it->second];
    if (segment.inRange)
      return microEnd;
    return fine && reader.after < ProgramOrder::kEnd ? segment.first + reader.after + 1
                                                     : segment.end;
  }
  std::optional<int64_t> until;
  for (const Segment &segment : segments)
    if (isFreeBefore(segment) && order.lag(reader, segment.task) == 0) {
      until = segment.first;
      break;
    }
  if (std::optional<int64_t> sooner = byTimes(reg, reader, until.value_or(end)))
    return sooner;
  if (!until && endsBeforeNext(reg, reader))
    return end;
  return until;
}

bool Lifetimes::mayAddEdges(task::RegisterOp reg) const {
  return hasTimes &&
         partBytes(reg.getType()) * static_cast<int64_t>(reg.getSlots()) >= kWorthAnEdge;
}

// By a reuse edge to the first segment before tick `limit` that starts, by the schedule, when the
// reader is done.
std::optional<int64_t> Lifetimes::byTimes(task::RegisterOp reg, Point reader, int64_t limit) {
  if (!mayAddEdges(reg))
    return std::nullopt;
  const int64_t done = releaseNs(reader.task);
  for (const Segment &segment : segments) {
    const TaskInfo &task = all[tasks[segment.task]];
    if (!isFreeBefore(segment) ||
        task.op->getAttrOfType<DenseI64ArrayAttr>(startAttrName)[0] < done)
      continue;
    if (segment.first >= limit)
      return std::nullopt;
    relies[reg].push_back({all[tasks[reader.task]].name, task.name, 0});
    return segment.first;
  }
  return std::nullopt;
}

bool Lifetimes::endsBeforeNext(task::RegisterOp reg, Point reader) {
  const Segment &first = segments.front();
  if (order.lag(reader, first.task) <= 1)
    return true;
  if (!mayAddEdges(reg))
    return false;
  const TaskInfo &task = all[tasks[first.task]];
  int64_t step = program->getAttrOfType<IntegerAttr>(periodAttrName).getInt();
  if (task.op->getAttrOfType<DenseI64ArrayAttr>(startAttrName)[0] + step < releaseNs(reader.task))
    return false;
  relies[reg].push_back({all[tasks[reader.task]].name, task.name, 1});
  return true;
}

// When the last firing of an iteration has let go of what it read, by the schedule.
int64_t Lifetimes::releaseNs(uint32_t task) const {
  const TaskInfo &info = all[tasks[task]];
  auto lasts = info.op->getAttrOfType<DenseI64ArrayAttr>(lastAttrName).asArrayRef();
  auto seconds = info.op->getAttrOfType<DenseF64ArrayAttr>(secondsAttrName).asArrayRef();
  int64_t done = 0;
  for (auto [last, duration] : llvm::zip(lasts, seconds)) // a send waits for its receive
    done = std::max<int64_t>(done, last + std::max<int64_t>(1, std::llround(duration * 1e9)));
  return done;
}

} // namespace of
