#include "runtime/device/cpu/CpuDevice.h"

#include "runtime/kernel/KernelNeeds.h"
#include "runtime/kernel/Library.h"

namespace of::rt {

namespace {

/// A call with everything resolved but the slots of its ports.
struct BoundCall {
  struct PortBuffer {
    uint32_t argument = 0;
    bool isOutput = false;
    uint32_t port = 0;
    uint64_t offset = 0;
  };
  KernelFn kernel = nullptr;
  std::unique_ptr<Routine> routine;
  std::vector<void *> buffers;         ///< chunk buffers are filled in for good
  std::vector<PortBuffer> portBuffers; ///< the others, in each firing
  std::vector<int64_t> scalars;
  std::vector<uint32_t> microScalars; ///< those that take the index of the micro-batch
  int64_t tiles = 1;

  static void runTiles(void *self, int64_t begin, int64_t end) {
    const BoundCall &call = *static_cast<const BoundCall *>(self);
    if (call.kernel)
      call.kernel(call.buffers.data(), call.scalars.data(), begin, end);
    else
      call.routine->run(call.buffers.data(), call.scalars.data(), begin, end);
  }
};

class CpuSegment final : public PreparedSegment {
public:
  CpuSegment(TileTeam *team, std::vector<BoundCall> calls)
      : team_(team), calls_(std::move(calls)) {}

  int32_t calls() const override { return static_cast<int32_t>(calls_.size()); }

  Status run(int32_t index, const Slots &slots) override {
    BoundCall &call = calls_[static_cast<size_t>(index)];
    for (const BoundCall::PortBuffer &b : call.portBuffers)
      call.buffers[b.argument] = (b.isOutput ? slots.outputs : slots.inputs)[b.port] + b.offset;
    for (uint32_t scalar : call.microScalars)
      call.scalars[scalar] = slots.micro();
    if (!team_) {
      BoundCall::runTiles(&call, 0, call.tiles);
      return Status::ok();
    }
    if (index == 0)
      team_->open();
    team_->run(&BoundCall::runTiles, &call, call.tiles);
    if (index + 1 == calls())
      team_->close();
    return Status::ok();
  }

private:
  TileTeam *team_; ///< null: the calling thread does all tiles
  std::vector<BoundCall> calls_;
};

std::string describe(const plan::Call &call) {
  std::string out = "kernel " + call.name()->str();
  if (call.location() && call.location()->size() > 0)
    out += " (" + call.location()->str() + ")";
  return out;
}

Status bindBuffers(const CpuDeviceConfig &config, const plan::Call &call, BoundCall &out) {
  out.buffers.assign(call.buffers()->size(), nullptr);
  for (uint32_t i = 0; i < call.buffers()->size(); ++i) {
    const plan::Buffer &buffer = *call.buffers()->Get(i);
    if (buffer.kind() != plan::BufferKind::Chunk) {
      out.portBuffers.push_back(
          {i, buffer.kind() == plan::BufferKind::Output, buffer.index(), buffer.offset()});
      continue;
    }
    if (buffer.index() >= config.chunks.size())
      return Status(Code::Corrupt, describe(call) + " names chunk " +
                                       std::to_string(buffer.index()) +
                                       ", which the role does not have");
    out.buffers[i] = config.chunks[buffer.index()] + buffer.offset();
  }
  return Status::ok();
}

Status bindScalars(const CpuDeviceConfig &config, const plan::Call &call, BoundCall &out) {
  if (!call.scalars())
    return Status::ok();
  for (uint32_t column : *call.scalars()) {
    if (column == static_cast<uint32_t>(plan::ReservedColumn::MicroIndex)) {
      out.microScalars.push_back(static_cast<uint32_t>(out.scalars.size()));
      out.scalars.push_back(0);
      continue;
    }
    if (column >= config.columns.size())
      return Status(Code::Corrupt, describe(call) + " reads column " + std::to_string(column) +
                                       ", which the role does not have");
    out.scalars.push_back(config.columns[column]);
  }
  return Status::ok();
}

/// The call gives a generated kernel all that it touches.
Status checkNeeds(const plan::Call &call, const KernelNeeds &needs) {
  const auto gives = [](uint64_t given, const std::string &what, uint64_t needed) {
    return Status(Code::Corrupt, "it is given " + std::to_string(given) + " " + what +
                                     ", its code is made for " + std::to_string(needed) +
                                     "; compile the plan again");
  };
  if (call.tiles() != needs.tiles)
    return gives(call.tiles(), "tiles", static_cast<uint64_t>(needs.tiles));
  const size_t scalars = call.scalars() ? call.scalars()->size() : 0;
  if (scalars < needs.scalars)
    return gives(scalars, "scalars", needs.scalars);
  if (call.buffers()->size() != needs.bufferBytes.size())
    return gives(call.buffers()->size(), "buffers", needs.bufferBytes.size());
  for (uint32_t i = 0; i < call.buffers()->size(); ++i)
    if (const uint64_t bytes = call.buffers()->Get(i)->bytes(); bytes < needs.bufferBytes[i])
      return gives(bytes, "bytes in buffer " + std::to_string(i), needs.bufferBytes[i]);
  return Status::ok();
}

Status bindCode(const CpuDeviceConfig &config, const plan::Call &call, BoundCall &out) {
  if (call.object() < 0) {
    if (!call.library())
      return Status(Code::Corrupt, describe(call) + " has neither an object nor a library routine");
    std::vector<size_t> bytes;
    for (const plan::Buffer *buffer : *call.buffers())
      bytes.push_back(buffer->bytes());
    OF_ASSIGN(out.routine, makeRoutine(*call.library(), call.tiles(), bytes));
    if (out.scalars.size() < scalarsOf(*call.library()))
      return Status(Code::Corrupt, "it gives " + std::to_string(out.scalars.size()) +
                                       " scalars, routine " + call.library()->name()->str() +
                                       " takes " + std::to_string(scalarsOf(*call.library())) +
                                       "; compile the plan again");
    return Status::ok();
  }
  const size_t object = static_cast<size_t>(call.object());
  if (object >= config.objects.size() || !config.objects[object] || !call.symbol())
    return Status(Code::Corrupt, describe(call) + " names kernel object " + std::to_string(object) +
                                     ", which is not loaded");
  OF_ASSIGN(out.kernel, config.objects[object]->symbol(call.symbol()->str()));
  OF_ASSIGN(const KernelNeeds needs, needsOf(*config.objects[object], call.symbol()->str()));
  return checkNeeds(call, needs);
}

Result<BoundCall> bind(const CpuDeviceConfig &config, const plan::Call &call) {
  BoundCall out;
  out.tiles = call.tiles();
  OF_TRY(bindBuffers(config, call, out));
  OF_TRY(bindScalars(config, call, out));
  if (const Status status = bindCode(config, call, out); !status.isOk())
    return status.withContext(describe(call));
  return out;
}

} // namespace

CpuDevice::CpuDevice(CpuDeviceConfig config)
    : config_(std::move(config)), team_(config_.threads, config_.maySpin, setFloatingPointModes) {}

Result<std::unique_ptr<PreparedSegment>> CpuDevice::prepare(const plan::Segment &segment,
                                                            uint32_t worker) {
  std::vector<BoundCall> calls;
  for (const plan::Call *call : *segment.calls()) {
    OF_ASSIGN(BoundCall bound, bind(config_, *call));
    calls.push_back(std::move(bound));
  }
  return std::unique_ptr<PreparedSegment>(
      new CpuSegment(worker == 0 ? &team_ : nullptr, std::move(calls)));
}

} // namespace of::rt
