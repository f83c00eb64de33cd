// The toy job as a plan: data-parallel linear regression on any number of devices.
//
//   io      : batch (M times a step)
//   compute : gradient (M times, accumulates), update
//   transfer: send g, receive sum of g, metric
#pragma once

#include "runtime/schema/Solve.h"
#include "test/support/PlanBuilder.h"

#include <dlfcn.h>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace of::test {

constexpr uint64_t kToyWeights = 16, kToyRows = 8;

struct ToyOptions {
  std::vector<uint32_t> hostOfNode = {0};
  uint32_t devicesPerNode = 1;
  uint32_t threads = 1;
  uint32_t micros = 1;
  uint32_t slots = 2;
  uint32_t transferWorker = 0;
  uint64_t steps = 50;
  uint64_t snapshotEvery = 0; ///< steps; 0 takes none
};

inline std::vector<uint8_t> readFile(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class ToyPlan {
public:
  ToyPlan(const ToyOptions &options, const std::string &kernels) : o(options) {
    for (uint32_t host : o.hostOfNode) {
      const uint32_t node = b.node(host);
      for (uint32_t d = 0; d < o.devicesPerNode; ++d)
        devices.push_back(b.device(node, o.threads));
    }
    const uint32_t placement = b.placement(devices);
    object = b.object(readFile(kernels));
    init = b.program("init", plan::ProgramKind::Init);
    train = b.program("train", plan::ProgramKind::Train, o.micros);
    exchange =
        b.exchange(plan::DType::F32, {kToyWeights}, b.layout(placement, plan::SbpKind::PartialSum),
                   b.layout(placement, plan::SbpKind::Broadcast));
    b.run(init, 1);
    if (o.snapshotEvery == 0)
      b.run(train, o.steps);
    else
      snapshot = b.program("snapshot", plan::ProgramKind::Snapshot);
    for (uint64_t step = 0; o.snapshotEvery > 0 && step < o.steps; step += o.snapshotEvery) {
      b.run(train, o.snapshotEvery);
      b.run(snapshot, 1);
    }
    addVariables(placement);
    b.plan.batch = devices.size() * kToyRows * o.micros;
    addRole();
    if (const Status status = rt::certify(b.plan); !status.isOk())
      throw std::runtime_error(status.message());
  }

  std::vector<uint8_t> finish() const { return b.finish(); }

  const ToyOptions o;
  PlanBuilder b;
  std::vector<uint32_t> devices;
  uint32_t object = 0, init = 0, train = 0, snapshot = 0, exchange = 0;

private:
  /// w is whole on every device, the counters have one element on each.
  void addVariables(uint32_t placement) {
    const int64_t n = static_cast<int64_t>(devices.size());
    addVariable("w", plan::DType::F32, {int64_t(kToyWeights)},
                b.layout(placement, plan::SbpKind::Broadcast));
    addVariable("batches", plan::DType::I64, {n}, b.layout(placement, plan::SbpKind::Split));
    addVariable("micros", plan::DType::I64, {n}, b.layout(placement, plan::SbpKind::Split));
  }
  void addVariable(const std::string &name, plan::DType dtype, std::vector<int64_t> shape,
                   std::unique_ptr<plan::LayoutT> layout) {
    auto variable = std::make_unique<plan::VariableT>();
    variable->name = name;
    variable->dtype = dtype;
    variable->shape = std::move(shape);
    variable->layout = std::move(layout);
    b.plan.variables.push_back(std::move(variable));
  }
  void addRole() {
    RoleBuilder r(b, devices);
    const uint32_t compute = r.stream("compute", plan::StreamKind::Compute, 0);
    const uint32_t transfer = r.stream("transfer", plan::StreamKind::Transfer, o.transferWorker);
    const uint32_t io = r.stream("io", plan::StreamKind::Io, 1);
    r.chunk(0);
    std::vector<int64_t> ranks;
    for (size_t i = 0; i < devices.size(); ++i)
      ranks.push_back(static_cast<int64_t>(i));
    r.column("rank", ranks);
    r.column("micros", std::vector<int64_t>(devices.size(), o.micros));
    const uint64_t wBytes = kToyWeights * 4, xBytes = kToyRows * wBytes, yBytes = kToyRows * 4;
    const uint64_t wAt = r.space(wBytes), batchCounter = r.space(8), microCounter = r.space(8);

    for (const auto &[variable, offset] :
         {std::pair(0u, wAt), std::pair(1u, batchCounter), std::pair(2u, microCounter)}) {
      auto part = std::make_unique<plan::VariablePartT>();
      part->variable = variable;
      part->offset = offset;
      r.role->variables.push_back(std::move(part));
    }
    if (o.snapshotEvery > 0)
      r.task(snapshot, "write", io, {}, {}).body.Set([] {
        plan::WriteT write;
        write.variables = {0, 1, 2};
        return write;
      }());

    addCall(r.task(init, "init", compute, {}, {}), object, "toy_init",
            {chunkBuffer(0, wAt, wBytes)});

    const uint32_t w = r.reg(train, "w", wAt, wBytes, 1, 1),
                   x = r.newReg(train, "x", xBytes, o.slots),
                   y = r.newReg(train, "y", yBytes, o.slots),
                   g = r.newReg(train, "g", wBytes, o.slots),
                   sum = r.newReg(train, "sum", wBytes, o.slots),
                   loss = r.newReg(train, "loss", 4, o.slots);
    addCall(r.task(train, "batch", io, {}, {x, y}, o.micros), object, "toy_batch",
            {chunkBuffer(0, batchCounter, 8), outputBuffer(0, xBytes), outputBuffer(1, yBytes)},
            {0});
    plan::TaskT &gradient = r.task(train, "gradient", compute, {x, y, w}, {g, loss}, o.micros);
    addCall(gradient, object, "toy_gradient",
            {chunkBuffer(0, microCounter, 8), inputBuffer(0, xBytes), inputBuffer(1, yBytes),
             inputBuffer(2, wBytes), outputBuffer(0, wBytes), outputBuffer(1, 4)},
            {0, 1}, kToyWeights);
    addCall(gradient, object, "toy_count", {chunkBuffer(0, microCounter, 8)});
    gradient.inputs[0] = plan::Port(x, 1, 0); // the batch is free after the first call
    gradient.inputs[2] = plan::Port(w, o.micros, -1);
    gradient.outputs[0] = plan::Port(g, o.micros, 0); // the gradient is out before the count
    gradient.outputs[1] = plan::Port(loss, o.micros, -1);

    r.task(train, "send", transfer, {g}, {}).body.Set([&] {
      plan::SendT send;
      send.exchange = exchange;
      return send;
    }());
    r.task(train, "receive", transfer, {}, {sum}).body.Set([&] {
      plan::ReceiveT receive;
      receive.exchange = exchange;
      receive.landing_slots = o.slots;
      receive.landing_slot_bytes = devices.size() * 64;
      receive.landing_offset = r.space(receive.landing_slot_bytes * o.slots);
      return receive;
    }());
    addCall(r.task(train, "update", compute, {w, sum}, {w}), object, "toy_update",
            {inputBuffer(0, wBytes), inputBuffer(1, wBytes), outputBuffer(0, wBytes)});
    r.task(train, "metric", transfer, {loss}, {}).body.Set([&] {
      plan::MetricT metric;
      metric.names = {"loss"};
      metric.emitter = devices[0];
      return metric;
    }());
  }
};

/// Losses of device 0, computed step by step with the same kernels and without a runtime.
inline std::vector<float> toyLosses(const ToyOptions &o, const std::string &kernels) {
  using Fn = void (*)(void *const *, const int64_t *, int64_t, int64_t);
  void *handle = dlopen(kernels.c_str(), RTLD_NOW | RTLD_LOCAL);
  auto fn = [&](const char *name) { return reinterpret_cast<Fn>(dlsym(handle, name)); };
  const size_t n = o.hostOfNode.size() * o.devicesPerNode;
  std::vector<float> w(kToyWeights), x(kToyRows * kToyWeights), y(kToyRows), sum(kToyWeights);
  std::vector<std::vector<float>> g(n, std::vector<float>(kToyWeights));
  std::vector<int64_t> batch(n, 0);
  std::vector<float> losses;
  for (uint64_t step = 0; step < o.steps; ++step) {
    for (size_t d = 0; d < n; ++d) {
      float loss = 0;
      for (int64_t micro = 0; micro < o.micros; ++micro) {
        const int64_t scalars[] = {static_cast<int64_t>(d), o.micros};
        void *inputs[] = {&batch[d], x.data(), y.data()};
        fn("toy_batch")(inputs, scalars, 0, 1);
        void *buffers[] = {&micro, x.data(), y.data(), w.data(), g[d].data(), &loss};
        fn("toy_gradient")(buffers, scalars, 0, kToyWeights);
      }
      if (d == 0)
        losses.push_back(loss);
    }
    sum = g[0];
    for (size_t d = 1; d < n; ++d)
      for (size_t i = 0; i < kToyWeights; ++i)
        sum[i] += g[d][i];
    void *buffers[] = {w.data(), sum.data(), w.data()};
    fn("toy_update")(buffers, nullptr, 0, 1);
  }
  return losses;
}

} // namespace of::test
