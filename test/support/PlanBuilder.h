// Plans made by hand, for tests of the runtime.
//
// A thin layer over the FlatBuffers object API: names instead of indices, defaults for what a test
// does not care about. The buffer that `finish` returns owns the plan.
#pragma once

#include "runtime/schema/plan_generated.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace of::test {

class PlanBuilder {
public:
  PlanBuilder() {
    plan.compiler = "test";
    plan.job = "test";
    plan.schedule = std::make_unique<plan::LoopT>();
    plan.schedule->program = -1;
  }

  uint32_t node(uint32_t host) {
    auto n = std::make_unique<plan::NodeT>();
    n->name = "n" + std::to_string(plan.nodes.size());
    n->host = host;
    plan.nodes.push_back(std::move(n));
    return static_cast<uint32_t>(plan.nodes.size() - 1);
  }
  uint32_t device(uint32_t node, uint32_t threads = 1) {
    auto d = std::make_unique<plan::DeviceT>();
    d->node = node;
    d->kind = "cpu";
    d->threads = threads;
    plan.devices.push_back(std::move(d));
    return static_cast<uint32_t>(plan.devices.size() - 1);
  }
  /// A one-dimensional placement.
  uint32_t placement(const std::vector<uint32_t> &devices) {
    auto p = std::make_unique<plan::PlacementT>();
    p->name = "p" + std::to_string(plan.placements.size());
    p->axes = {"x"};
    p->shape = {static_cast<uint32_t>(devices.size())};
    p->devices = devices;
    plan.placements.push_back(std::move(p));
    return static_cast<uint32_t>(plan.placements.size() - 1);
  }
  static std::unique_ptr<plan::LayoutT> layout(uint32_t placement, plan::SbpKind kind,
                                               uint8_t dim = 0) {
    auto l = std::make_unique<plan::LayoutT>();
    l->placement = placement;
    l->sbp.emplace_back(kind, dim);
    return l;
  }
  uint32_t exchange(plan::DType dtype, std::vector<int64_t> shape,
                    std::unique_ptr<plan::LayoutT> src, std::unique_ptr<plan::LayoutT> dst) {
    auto tensor = std::make_unique<plan::ExchangeTensorT>();
    tensor->dtype = dtype;
    tensor->shape = std::move(shape);
    tensor->src = std::move(src);
    tensor->dst = std::move(dst);
    auto x = std::make_unique<plan::ExchangeT>();
    x->name = "x" + std::to_string(plan.exchanges.size());
    x->tensors.push_back(std::move(tensor));
    plan.exchanges.push_back(std::move(x));
    return static_cast<uint32_t>(plan.exchanges.size() - 1);
  }
  uint32_t program(const std::string &name, plan::ProgramKind kind, uint32_t micros = 1) {
    auto p = std::make_unique<plan::ProgramT>();
    p->name = name;
    p->kind = kind;
    p->micros = micros;
    plan.programs.push_back(std::move(p));
    return static_cast<uint32_t>(plan.programs.size() - 1);
  }
  void run(uint32_t program, uint64_t count) {
    auto loop = std::make_unique<plan::LoopT>();
    loop->program = static_cast<int32_t>(program);
    loop->count = count;
    plan.schedule->body.push_back(std::move(loop));
  }
  uint32_t object(std::vector<uint8_t> bytes, const std::string &isa = "x86-64") {
    auto o = std::make_unique<plan::KernelObjectT>();
    o->isa = isa;
    o->data = std::move(bytes);
    plan.objects.push_back(std::move(o));
    return static_cast<uint32_t>(plan.objects.size() - 1);
  }

  /// Serialises; the plan lies at plan::GetPlan(result.data()).
  std::vector<uint8_t> finish() const {
    flatbuffers::FlatBufferBuilder builder;
    plan::FinishPlanBuffer(builder, plan::Plan::Pack(builder, &plan));
    return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
  }

  plan::PlanT plan;
};

/// One role: streams, chunks, and one RoleProgram per program of the plan.
class RoleBuilder {
public:
  RoleBuilder(PlanBuilder &builder, std::vector<uint32_t> instances) : builder_(builder) {
    auto r = std::make_unique<plan::RoleT>();
    r->name = "role" + std::to_string(builder.plan.roles.size());
    r->instances = std::move(instances);
    for (size_t i = 0; i < builder.plan.programs.size(); ++i) {
      auto p = std::make_unique<plan::RoleProgramT>();
      p->certificate = std::make_unique<plan::CertificateT>();
      r->programs.push_back(std::move(p));
    }
    role = r.get();
    builder.plan.roles.push_back(std::move(r));
  }

  uint32_t stream(const std::string &name, plan::StreamKind kind, uint32_t worker) {
    auto s = std::make_unique<plan::StreamT>();
    s->name = name;
    s->kind = kind;
    s->worker = worker;
    role->streams.push_back(std::move(s));
    return static_cast<uint32_t>(role->streams.size() - 1);
  }
  uint32_t chunk(uint64_t bytes, bool shared = true) {
    auto c = std::make_unique<plan::ChunkT>();
    c->bytes = bytes;
    c->shared = shared;
    role->chunks.push_back(std::move(c));
    return static_cast<uint32_t>(role->chunks.size() - 1);
  }
  void column(const std::string &name, std::vector<int64_t> values) {
    auto c = std::make_unique<plan::ColumnT>();
    c->name = name;
    c->values = std::move(values);
    role->columns.push_back(std::move(c));
  }
  /// Space in chunk 0, handed out in steps of 64 bytes.
  uint64_t space(uint64_t bytes) {
    const uint64_t at = used_;
    used_ += (bytes + 63) / 64 * 64;
    role->chunks[0]->bytes = used_;
    return at;
  }
  uint32_t reg(uint32_t program, const std::string &name, uint64_t offset, uint64_t slotBytes,
               uint32_t slots = 1, uint32_t initial = 0) {
    auto r = std::make_unique<plan::RegisterT>();
    r->name = name;
    r->offset = offset;
    r->slot_bytes = slotBytes;
    r->slots = slots;
    r->initial = initial;
    auto &registers = role->programs[program]->registers;
    registers.push_back(std::move(r));
    return static_cast<uint32_t>(registers.size() - 1);
  }
  /// A register with its own space.
  uint32_t newReg(uint32_t program, const std::string &name, uint64_t slotBytes,
                  uint32_t slots = 1) {
    return reg(program, name, space(((slotBytes + 63) / 64 * 64) * slots),
               (slotBytes + 63) / 64 * 64, slots);
  }

  /// Adds a task at the end of its stream's order; ports have period 1 and act when the body ends.
  plan::TaskT &task(uint32_t program, const std::string &name, uint32_t stream,
                    const std::vector<uint32_t> &inputs, const std::vector<uint32_t> &outputs,
                    uint32_t firings = 1) {
    plan::RoleProgramT &p = *role->programs[program];
    auto t = std::make_unique<plan::TaskT>();
    t->name = name;
    t->location = "model.mlir:" + std::to_string(p.tasks.size() + 1) + ":1";
    t->stream = stream;
    t->firings = firings;
    for (uint32_t r : inputs)
      t->inputs.emplace_back(r, 1, -1);
    for (uint32_t r : outputs)
      t->outputs.emplace_back(r, 1, -1);
    const uint32_t index = static_cast<uint32_t>(p.tasks.size());
    p.tasks.push_back(std::move(t));
    plan::OrderT *order = nullptr;
    for (auto &o : p.orders)
      if (o->stream == stream)
        order = o.get();
    if (!order) {
      p.orders.push_back(std::make_unique<plan::OrderT>());
      order = p.orders.back().get();
      order->stream = stream;
    }
    for (uint32_t f = 0; f < firings; ++f)
      order->tasks.push_back(index);
    p.certificate->offsets.push_back(0);
    p.certificate->durations.push_back(1);
    return *p.tasks.back();
  }

  plan::RoleT *role;

private:
  PlanBuilder &builder_;
  uint64_t used_ = 0;
};

inline plan::Buffer inputBuffer(uint32_t port, uint64_t bytes) {
  return plan::Buffer(plan::BufferKind::Input, port, 0, bytes);
}
inline plan::Buffer outputBuffer(uint32_t port, uint64_t bytes) {
  return plan::Buffer(plan::BufferKind::Output, port, 0, bytes);
}
inline plan::Buffer chunkBuffer(uint32_t chunk, uint64_t offset, uint64_t bytes) {
  return plan::Buffer(plan::BufferKind::Chunk, chunk, offset, bytes);
}

/// Appends a generated kernel to a segment task.
inline plan::CallT &addCall(plan::TaskT &task, uint32_t object, const std::string &symbol,
                            const std::vector<plan::Buffer> &buffers,
                            const std::vector<uint32_t> &scalars = {}, uint32_t tiles = 1) {
  if (task.body.type == plan::Body::NONE)
    task.body.Set(plan::SegmentT());
  auto call = std::make_unique<plan::CallT>();
  call->name = symbol;
  call->object = static_cast<int32_t>(object);
  call->symbol = symbol;
  call->buffers = buffers;
  call->scalars = scalars;
  call->tiles = tiles;
  auto &calls = task.body.AsSegment()->calls;
  calls.push_back(std::move(call));
  return *calls.back();
}

/// Makes a task a segment of one library call without buffers: for plans that are checked but not
/// run.
inline void setEmptySegment(plan::TaskT &task) {
  auto call = std::make_unique<plan::CallT>();
  call->name = task.name;
  call->library = std::make_unique<plan::LibraryT>();
  call->library->name = "none";
  plan::SegmentT segment;
  segment.calls.push_back(std::move(call));
  task.body.Set(std::move(segment));
}

} // namespace of::test
