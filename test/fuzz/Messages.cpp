// The input is a list of steps: one byte that says what happens, then its operands.
//
//   0 device,...   a task of a stream starts, or the one that runs ends
//   1 + Message    arrives as it is          2 + Message    arrives with a check that fits
//   3 kind, token  a push or post is done    4 device       the program is left, or entered
#include "runtime/actor/Machine.h"
#include "runtime/node/Router.h"
#include "test/fuzz/Targets.h"
#include "test/node/ToyPlan.h"

#include <cstring>

namespace of::fuzz {

namespace {

class Bytes {
public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  /// What is left, filled up with zeros.
  template <typename T> T take() {
    T out;
    char raw[sizeof(T)] = {};
    const size_t n = std::min(bytes_.size(), sizeof(T));
    std::memcpy(raw, bytes_.data(), n);
    bytes_.remove_prefix(n);
    std::memcpy(static_cast<void *>(&out), raw, sizeof(T));
    return out;
  }

private:
  std::string_view bytes_;
};

/// Reports the events it is given; takes everything else.
class GivenEvents final : public rt::Transport {
public:
  rt::NodeId self() const override { return 0; }
  Status send(rt::NodeId, const rt::Message &) override { return Status::ok(); }
  Status push(rt::NodeId, const rt::EdgeKey &, uint64_t, const void *, size_t, uint64_t) override {
    return Status::ok();
  }
  Status post(rt::NodeId, const rt::EdgeKey &, uint64_t, void *, size_t, uint64_t) override {
    return Status::ok();
  }
  Status poll(std::vector<rt::Event> &events) override {
    events.push_back(next);
    return Status::ok();
  }
  const char *describe() const override { return "given"; }
  rt::Event next;
};

/// Three nodes, of which the first two share a host: edges that are read in place and edges that
/// are pushed.
const std::vector<uint8_t> &toyPlan() {
  static const std::vector<uint8_t> bytes = [] {
    test::ToyOptions options;
    options.hostOfNode = {0, 0, 1};
    options.micros = 2;
    options.transferWorker = 1;
    options.snapshotEvery = 2;
    return test::ToyPlan(options, "").finish();
  }();
  return bytes;
}

/// Of its first device; building them takes longer than an input.
const rt::DeviceTables &toyTables() {
  static const rt::DeviceTables tables = *rt::buildTables(*plan::GetPlan(toyPlan().data()), 0);
  return tables;
}

/// Node 0 without bodies: its machines, the router between them and the input.
class Node : rt::ActionSink {
public:
  Node() : plan_(*plan::GetPlan(toyPlan().data())) {
    std::vector<rt::WorkerPlace> places;
    const std::vector<rt::WorkerTables> &workers = toyTables().workers;
    for (uint32_t w = 0; w < workers.size(); ++w)
      places.push_back({0, w, &workers[w]});
    router_ = std::make_unique<rt::Router>(plan_, 0, kGeneration, places, &transport_,
                                           std::vector<rt::MessageObserver *>{&observer_});
    for (uint32_t w = 0; w < workers.size(); ++w) {
      machines_.emplace_back(workers[w], w);
      at_ = w;
      machines_[w].enter(1, 2, *this); // the training program
    }
  }

  Status run(Bytes bytes) {
    while (!bytes.empty() && status_.isOk()) {
      step(bytes);
      deliver();
    }
    return status_;
  }

private:
  static constexpr uint32_t kGeneration = 7;

  void step(Bytes &bytes) {
    switch (bytes.take<uint8_t>() % 5) {
    case 0:
      return fire(bytes.take<uint8_t>());
    case 1:
      return arrive(bytes.take<rt::Message>(), false);
    case 2:
      return arrive(bytes.take<rt::Message>(), true);
    case 3:
      transport_.next.kind =
          bytes.take<uint8_t>() % 2 ? rt::Event::Kind::PushDone : rt::Event::Kind::PostDone;
      transport_.next.token = bytes.take<uint8_t>();
      return poll();
    case 4:
      return turn(bytes.take<uint8_t>() % machines_.size());
    }
  }

  void fire(uint8_t where) {
    at_ = where % machines_.size();
    rt::Machine &machine = machines_[at_];
    if (!machine.entered() || machine.table().streams.empty())
      return;
    const uint32_t stream = where / 4 % machine.table().streams.size();
    rt::Firing firing;
    auto &running = running_[at_ << 16 | stream];
    if (!running && machine.tryStart(stream, firing))
      running = true;
    else if (running) {
      machine.finish(stream, *this);
      running = false;
    }
  }

  void arrive(rt::Message message, bool sealed) {
    if (sealed) {
      message.generation = kGeneration;
      message.edge.program %= 4;
      message.check = rt::checkOf(message);
    }
    transport_.next.kind = rt::Event::Kind::Message;
    transport_.next.node = 1;
    transport_.next.message = message;
    poll();
  }

  void poll() {
    bool moved = false;
    status_ = router_->poll(moved);
  }

  /// Leaves what is finished and enters it again.
  void turn(uint32_t worker) {
    at_ = worker;
    rt::Machine &machine = machines_[worker];
    if (!machine.entered() || !machine.finished())
      return;
    const uint32_t program = machine.table().program;
    status_ = machine.leave();
    if (status_.isOk())
      machine.enter(program, 1, *this);
  }

  void deliver() {
    for (uint32_t w = 0; w < machines_.size(); ++w)
      for (rt::Token token; status_.isOk() && router_->receive(w, token);) {
        at_ = w;
        status_ = machines_[w].onToken(token, *this);
      }
  }

  void act(const rt::Action &action) override {
    Status done;
    if (action.kind == rt::Action::Kind::Push)
      done = router_->push(at_, action, {});
    else if (action.kind == rt::Action::Kind::Post)
      done = router_->post(at_, action, {});
    else
      done = router_->act(at_, action);
    if (!done.isOk())
      status_ = done;
  }

  const plan::Plan &plan_;
  GivenEvents transport_;
  rt::MessageObserver observer_; ///< of a trace: it is told what came
  std::unique_ptr<rt::Router> router_;
  std::vector<rt::Machine> machines_;
  std::map<uint32_t, bool> running_;
  uint32_t at_ = 0;
  Status status_;
};

} // namespace

std::string messages(std::string_view input) { return messageOf(Node().run(Bytes(input))); }

} // namespace of::fuzz
