#include "runtime/node/Router.h"

#include <utility>

namespace of::rt {

namespace {
const char *nameOf(MessageKind kind) {
  constexpr const char *names[] = {"ready", "ack", "grant"};
  return names[static_cast<size_t>(kind)];
}
} // namespace

Router::Router(const plan::Plan &plan, uint32_t node, uint32_t generation,
               std::vector<WorkerPlace> workers, Transport *transport,
               std::vector<MessageObserver *> observers)
    : plan_(plan), node_(node), generation_(generation), workers_(std::move(workers)),
      transport_(transport), observers_(std::move(observers)), parkers_(workers_.size()) {
  indexEdges();
  resolveTargets();
  makeMailboxes();
}

void Router::indexEdges() {
  for (uint32_t w = 0; w < workers_.size(); ++w)
    for (const ProgramTable &table : *workers_[w].tables)
      for (uint32_t e = 0; e < table.edges.size(); ++e)
        (table.edges[e].isSend ? sendEnds_ : receiveEnds_)[table.edges[e].key] = {w, e};
}

void Router::resolveTargets() {
  targets_.resize(workers_.size());
  for (uint32_t w = 0; w < workers_.size(); ++w) {
    targets_[w].resize(workers_[w].tables->size());
    for (uint32_t p = 0; p < workers_[w].tables->size(); ++p)
      for (const EdgeEntry &edge : (*workers_[w].tables)[p].edges) {
        Target target;
        const uint32_t peer = edge.isSend ? edge.key.dstDevice : edge.key.srcDevice;
        target.node = plan_.devices()->Get(peer)->node();
        if (target.node == node_) {
          const auto &ends = edge.isSend ? receiveEnds_ : sendEnds_;
          if (const auto it = ends.find(edge.key); it != ends.end())
            target.local = it->second;
        }
        if (edge.path == Path::Pushed) {
          target.firstOp = static_cast<uint32_t>(ops_.size());
          ops_.resize(ops_.size() + edge.window);
        }
        targets_[w][p].push_back(target);
      }
  }
  inPlace_.resize(ops_.size());
}

uint32_t Router::mailboxCapacity(uint32_t worker) const {
  // Per place at most its slots are full and its slots are free again; early tokens of the next
  // entry double that.
  uint64_t tokens = 0;
  for (const ProgramTable &table : *workers_[worker].tables) {
    for (const InputEntry &input : table.inputs)
      tokens += 2 * input.slots;
    for (const OutputEntry &output : table.outputs)
      tokens += uint64_t(output.slots) * output.numLinks;
    for (const EdgeEntry &edge : table.edges)
      tokens += 4 * uint64_t(edge.window);
  }
  return static_cast<uint32_t>(tokens + 16);
}

void Router::makeMailboxes() {
  const size_t n = workers_.size();
  mailboxes_.resize((n + 1) * n);
  for (size_t from = 0; from <= n; ++from)
    for (size_t to = 0; to < n; ++to)
      if (from != to && (from == n || workers_.size() > 1))
        mailboxes_[from * n + to] =
            std::make_unique<Mailbox>(mailboxCapacity(static_cast<uint32_t>(to)));
  size_t events = 64;
  for (uint32_t w = 0; w < n; ++w)
    events += mailboxCapacity(w);
  events_.reserve(events);
}

void Router::wakeOthers(uint32_t id) {
  for (uint32_t other = 0; other < parkers_.size(); ++other)
    if (other != id)
      parkers_[other].wake();
}

Status Router::deliver(uint32_t from, uint32_t to, const Token &token) {
  if (mailbox(from, to).push(token)) {
    parkers_[to].wake();
    return Status::ok();
  }
  return Status(Code::Internal, "a mailbox of device " + std::to_string(workers_[to].device) +
                                    " is full: more tokens are under way than the plan has slots");
}

Status Router::sendMessage(NodeId node, MessageKind kind, const EdgeEntry &edge,
                           const Action &action) {
  Message message;
  message.generation = generation_;
  message.kind = kind;
  message.edge = edge.key;
  message.entry = action.entry;
  message.sequence = action.sequence;
  message.check = checkOf(message);
  for (MessageObserver *observer : observers_)
    observer->onMessage(true, node, nameOf(kind), edge.key, action.sequence);
  return transport_->send(node, message);
}

Status Router::act(uint32_t from, const Action &action) {
  using K = Action::Kind;
  if (action.peer.worker != kNone) {
    const uint32_t to =
        from - workers_[from].worker + action.peer.worker; // workers of a device lie together
    return deliver(from, to,
                   {localToken(action.kind), action.entry, action.program, action.peer.index,
                    action.sequence});
  }
  const Target &target = targetOf(from, action);
  const bool isReady = action.kind == K::Ready;
  if (target.local.worker != kNone)
    return deliver(from, target.local.worker,
                   {isReady ? Token::Kind::Ready : Token::Kind::Ack, action.entry, action.program,
                    target.local.edge, action.sequence});
  return sendMessage(target.node, isReady ? MessageKind::Ready : MessageKind::Ack,
                     entryOf(from, action), action);
}

uint64_t Router::opOf(uint32_t worker, uint16_t program, uint32_t edge, uint64_t sequence) const {
  const uint32_t window = (*workers_[worker].tables)[program].edges[edge].window;
  return targets_[worker][program][edge].firstOp + sequence % window;
}

uint64_t Router::startOp(uint32_t worker, const Action &action, Event::Kind end) {
  const uint64_t index = opOf(worker, action.program, action.index, action.sequence);
  ops_[index] = {worker, action.index, action.entry, action.program, action.sequence, end};
  return index;
}

Status Router::push(uint32_t from, const Action &action, PushBytes bytes) {
  const EdgeEntry &edge = entryOf(from, action);
  const NodeId node = targetOf(from, action).node;
  for (MessageObserver *observer : observers_) {
    observer->onMessage(true, node, "push", edge.key, action.sequence);
    observer->onPush(node, edge.key, action.sequence, bytes.bytes);
  }
  return transport_->push(node, edge.key, action.sequence, bytes.data, bytes.bytes,
                          startOp(from, action, Event::Kind::PushDone));
}

Status Router::post(uint32_t from, const Action &action, PostBytes bytes) {
  const EdgeEntry &edge = entryOf(from, action);
  const NodeId node = targetOf(from, action).node;
  OF_TRY(transport_->post(node, edge.key, action.sequence, bytes.data, bytes.bytes,
                          startOp(from, action, Event::Kind::PostDone)));
  return sendMessage(node, MessageKind::Grant, edge, action);
}

void Router::offer(uint32_t from, uint16_t program, uint32_t edge, uint64_t sequence, void *data) {
  transport_->offer(targets_[from][program][edge].node,
                    (*workers_[from].tables)[program].edges[edge].key, sequence, data);
}

bool Router::receive(uint32_t to, Token &token) {
  for (uint32_t from = 0; from <= workers_.size(); ++from)
    if (from != to && mailboxes_[from * workers_.size() + to] && mailbox(from, to).pop(token))
      return true;
  return false;
}

Status Router::dispatchOp(const Event &event) {
  if (event.token >= ops_.size() || ops_[event.token].end != event.kind)
    return Status(Code::Internal, "the transport completed an operation that is not under way");
  const Op op = std::exchange(ops_[event.token], {});
  const bool landed = event.kind == Event::Kind::PostDone;
  inPlace_[event.token] = event.inPlace ? 1 : 0;
  const EdgeKey &edge = (*workers_[op.worker].tables)[op.program].edges[op.edge].key;
  const NodeId peer = plan_.devices()->Get(landed ? edge.srcDevice : edge.dstDevice)->node();
  for (MessageObserver *observer : observers_)
    landed ? observer->onMessage(false, peer, "push", edge, op.sequence)
           : observer->onPushDone(peer, edge, op.sequence);
  return deliver(static_cast<uint32_t>(workers_.size()), op.worker,
                 {landed ? Token::Kind::Landed : Token::Kind::PushDone, op.entry, op.program,
                  op.edge, op.sequence});
}

Status Router::dispatch(const Event &event) {
  if (event.kind != Event::Kind::Message)
    return dispatchOp(event);
  const Message &message = event.message;
  if (message.check != checkOf(message))
    return Status(Code::Corrupt, "a message from node " + std::to_string(event.node) +
                                     " was damaged on its way; check the network between them");
  if (message.generation != generation_) {
    ++foreign_;
    return Status::ok();
  }
  if (message.kind > MessageKind::Grant)
    return Status(Code::Corrupt, "node " + std::to_string(event.node) +
                                     " sent a message of a kind that this of-run does not know; "
                                     "run one version everywhere");
  const bool toReceiver = message.kind == MessageKind::Ready;
  const auto &ends = toReceiver ? receiveEnds_ : sendEnds_;
  const auto it = ends.find(message.edge);
  if (it == ends.end())
    return Status(Code::Corrupt, "node " + std::to_string(event.node) +
                                     " sent a message on an edge (exchange " +
                                     std::to_string(message.edge.exchange) + ", device " +
                                     std::to_string(message.edge.srcDevice) + " to " +
                                     std::to_string(message.edge.dstDevice) +
                                     ") that this node's plan does not have");
  if (message.kind == MessageKind::Grant && !isPushed(it->second, message.edge.program))
    return Status(Code::Corrupt, "node " + std::to_string(event.node) +
                                     " grants a slot of an edge whose bytes are not pushed; run "
                                     "the same plan everywhere");
  for (MessageObserver *observer : observers_)
    observer->onMessage(false, event.node, nameOf(message.kind), message.edge, message.sequence);
  const Token::Kind kind = toReceiver                           ? Token::Kind::Ready
                           : message.kind == MessageKind::Grant ? Token::Kind::Grant
                                                                : Token::Kind::Ack;
  return deliver(static_cast<uint32_t>(workers_.size()), it->second.worker,
                 {kind, message.entry, message.edge.program, it->second.edge, message.sequence});
}

Status Router::poll(bool &moved) {
  if (!transport_ || polling_.test_and_set(std::memory_order_acquire))
    return Status::ok();
  events_.clear();
  Status status = transport_->poll(events_);
  moved = moved || !events_.empty();
  for (size_t i = 0; i < events_.size() && status.isOk(); ++i)
    status = dispatch(events_[i]);
  polling_.clear(std::memory_order_release);
  return status;
}

} // namespace of::rt
