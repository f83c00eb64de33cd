#include "test/sim/faults/Wire.h"

#include <cstring>

namespace of::test {

using namespace rt;

class Network::Port final : public Transport {
public:
  Port(Network &network, uint32_t node) : network_(network), node_(node) {}
  NodeId self() const override { return node_; }
  Status send(NodeId node, const Message &message) override {
    network_.send(node_, node, message);
    return Status::ok();
  }
  Status push(NodeId node, const EdgeKey &edge, uint64_t sequence, const void *data, size_t,
              uint64_t token) override {
    network_.push(node_, node, edge, sequence, data, token);
    return Status::ok();
  }
  Status post(NodeId, const EdgeKey &edge, uint64_t sequence, void *data, size_t,
              uint64_t token) override {
    network_.post(node_, edge, sequence, data, token);
    return Status::ok();
  }
  Status poll(std::vector<Event> &events) override {
    events.insert(events.end(), inbox.begin(), inbox.end());
    inbox.clear();
    return Status::ok();
  }
  const char *describe() const override { return "simulated"; }

  std::vector<Event> inbox;

private:
  Network &network_;
  const uint32_t node_;
};

Network::Network(Clock &clock, const Scenario &scenario, uint32_t nodes,
                 std::function<void(uint32_t)> onArrival)
    : clock_(clock), scenario_(scenario), random_(scenario.seed), onArrival_(std::move(onArrival)),
      lastArrival_(nodes, std::vector<int64_t>(nodes, 0)),
      silent_(nodes, std::vector<bool>(nodes, false)) {
  for (uint32_t n = 0; n < nodes; ++n)
    ports_.push_back(std::make_unique<Port>(*this, n));
}

Network::~Network() = default;

Transport &Network::port(uint32_t node) { return *ports_[node]; }

void Network::arrive(uint32_t node, int64_t delayNs, const Event &event, bool isRepeated) {
  clock_.at(node, delayNs, [this, node, event, isRepeated] {
    if (event.node < ports_.size() && clock_.dead(event.node)) { // some of its last words are lost
      auto silent = silent_[event.node][node];
      silent = silent || random_() % 2 == 0;
      if (silent)
        return;
    }
    if (isRepeated)
      onRepeated(node);
    ports_[node]->inbox.push_back(event);
    onArrival_(node);
  });
}

bool Network::cutNow(uint32_t a, uint32_t b) const {
  const bool both = (a == scenario_.node && b == scenario_.other) ||
                    (b == scenario_.node && a == scenario_.other);
  return both && clock_.nowNs() < cutUntilNs_;
}

/// One bit of what goes over the wire; the padding at the end is not checked and not looked at.
void Network::flip(Message &message) const {
  const uint64_t bit = scenario_.second % (8 * offsetof(Message, reserved2));
  auto *bytes = reinterpret_cast<unsigned char *>(&message);
  bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] ^ 1u << bit % 8);
}

void Network::send(uint32_t from, uint32_t to, Message message) {
  const uint64_t number = messages_++;
  int64_t &last = lastArrival_[from][to];
  const bool hit = number == scenario_.at;
  if (hit && scenario_.kind == FaultKind::Cut)
    cutUntilNs_ = clock_.nowNs() + scenario_.lengthNs;
  last = std::max(last, clock_.nowNs() + delay());
  if (cutNow(from, to))
    last = std::max(last, cutUntilNs_);
  Event event;
  event.node = from;
  event.message = message;
  int64_t atNs = last;
  const bool ofMessages = scenario_.kind >= FaultKind::Drop && scenario_.kind <= FaultKind::Stale;
  if (hit && ofMessages) {
    struckExchange_ = message.edge.exchange;
    struckNode_ = to;
    if (scenario_.kind == FaultKind::Drop)
      return;
    if (scenario_.kind == FaultKind::Stale) {
      Event stale = event;
      --stale.message.generation;
      stale.message.check = checkOf(stale.message);
      arrive(to, atNs - clock_.nowNs(), stale);
    }
    if (scenario_.kind == FaultKind::Flip)
      flip(event.message);
    if (scenario_.kind == FaultKind::Reorder)
      atNs += scenario_.lengthNs; // and those behind it do not wait
    if (scenario_.kind == FaultKind::Duplicate)
      arrive(to, atNs - clock_.nowNs() + scenario_.lengthNs, event, true);
  }
  arrive(to, atNs - clock_.nowNs(), event);
}

void Network::post(uint32_t, const EdgeKey &edge, uint64_t sequence, void *data, uint64_t token) {
  if (!landings_.emplace(data, false).second)
    broken("a landing slot was posted while it was in use");
  if (!posted_.emplace(idOf(edge, sequence), Posted{data, token}).second)
    broken("a version was posted twice");
}

/// The bytes are read at one time, written at another, and both ends hear of it later.
void Network::push(uint32_t from, uint32_t to, const EdgeKey &edge, uint64_t sequence,
                   const void *data, uint64_t token) {
  const bool lost = pushes_++ == scenario_.at && scenario_.kind == FaultKind::LosePush;
  if (lost) {
    struckExchange_ = edge.exchange;
    struckNode_ = to;
  }
  const auto it = posted_.find(idOf(edge, sequence));
  if (it == posted_.end())
    return broken("bytes were pushed into a slot that is not granted");
  const Posted landing = it->second;
  posted_.erase(it);
  const int64_t cut = cutNow(from, to) ? cutUntilNs_ - clock_.nowNs() : 0;
  clock_.at(from, delay(), [=] {
    uint64_t value;
    std::memcpy(&value, data, sizeof value);
    onLeft(edge, sequence);
    Event left;
    left.kind = Event::Kind::PushDone;
    left.node = to;
    left.token = token;
    arrive(from, delay(), left);
    if (lost)
      return;
    clock_.at(to, cut + delay(), [=] {
      std::memcpy(landing.data, &value, sizeof value);
      landings_[landing.data] = true;
      Event landed;
      landed.kind = Event::Kind::PostDone;
      landed.node = from;
      landed.token = landing.token;
      arrive(to, delay(), landed);
    });
  });
}

} // namespace of::test
