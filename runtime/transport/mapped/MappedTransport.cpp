#include "runtime/transport/mapped/MappedTransport.h"

#include <sstream>
#include <thread>
#include <unistd.h>

namespace of::rt {

namespace {

/// Held for tens of nanoseconds; who holds it may have lost its core, though.
class Busy {
public:
  explicit Busy(std::atomic_flag &flag) : flag_(flag) {
    for (int tries = 0; flag_.test_and_set(std::memory_order_acquire); ++tries)
      if (tries >= 64)
        std::this_thread::yield();
  }
  ~Busy() { flag_.clear(std::memory_order_release); }
  Busy(const Busy &) = delete;
  Busy &operator=(const Busy &) = delete;

private:
  std::atomic_flag &flag_;
};

} // namespace

size_t MappedTransport::ringOffset(NodeId sender) const {
  size_t before = 0;
  for (NodeId n = 0; n < sender; ++n)
    before += isHere(n) ? 1 : 0;
  return before * Ring<Message>::bytesFor(messages_);
}

/// So that no page is found missing while messages are on their way.
static void touchPages(const Chunk &chunk) {
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  for (uint64_t at = 0; at < chunk.bytes(); at += page)
    (void)*static_cast<const volatile std::byte *>(chunk.data() + at);
}

Result<std::unique_ptr<MappedTransport>> MappedTransport::create(NodeId self,
                                                                 std::vector<uint32_t> hosts,
                                                                 Transport *inner,
                                                                 uint32_t messages) {
  std::unique_ptr<MappedTransport> out(
      new MappedTransport(self, std::move(hosts), inner, messages));
  OF_ASSIGN(out->chunk_, Chunk::allocate(out->ringsBytes(), true, "of-rings"));
  touchPages(out->chunk_);
  for (NodeId n = 0; n < out->hosts_.size(); ++n)
    if (n != self && out->isHere(n))
      out->incoming_.push_back(
          {n, Ring<Message>(out->chunk_.data() + out->ringOffset(n), messages)});
  return out;
}

std::string MappedTransport::card() const {
  return std::to_string(::getpid()) + ":" + std::to_string(chunk_.fd());
}

Status MappedTransport::connect(const std::vector<std::string> &cards) {
  for (NodeId n = 0; n < hosts_.size() && n < cards.size(); ++n) {
    if (n == self_ || !isHere(n))
      continue;
    std::istringstream in(cards[n]);
    pid_t pid = 0;
    int fd = -1;
    char colon = 0;
    if (!(in >> pid >> colon >> fd))
      return Status(Code::Corrupt, "node " + std::to_string(n) +
                                       " does not say where its messages go: '" + cards[n] + "'");
    auto out = std::make_unique<Outgoing>();
    OF_ASSIGN(out->chunk, Chunk::mapPeer(pid, fd, ringsBytes()));
    touchPages(out->chunk);
    out->ring = Ring<Message>(out->chunk.data() + ringOffset(self_), messages_);
    outgoing_[n] = std::move(out);
  }
  return Status::ok();
}

Status MappedTransport::send(NodeId node, const Message &message) {
  Outgoing *out = outgoing_[node].get();
  if (!out)
    return inner_ ? inner_->send(node, message) : noWay(node);
  const Busy busy(out->busy);
  if (!out->late.empty() || !out->ring.push(message)) {
    out->late.push_back(message);
    out->isLate.store(true, std::memory_order_relaxed);
  }
  return Status::ok();
}

Status MappedTransport::push(NodeId node, const EdgeKey &edge, uint64_t sequence, const void *data,
                             size_t bytes, uint64_t token) {
  return inner_ ? inner_->push(node, edge, sequence, data, bytes, token) : noWay(node);
}

Status MappedTransport::post(NodeId node, const EdgeKey &edge, uint64_t sequence, void *data,
                             size_t bytes, uint64_t token) {
  return inner_ ? inner_->post(node, edge, sequence, data, bytes, token) : noWay(node);
}

Status MappedTransport::noWay(NodeId node) const {
  return Status(Code::Internal, "node " + std::to_string(self_) + " has no connection to node " +
                                    std::to_string(node) + " of another host");
}

void MappedTransport::flush(Outgoing &out) {
  const Busy busy(out.busy);
  while (!out.late.empty() && out.ring.push(out.late.front()))
    out.late.pop_front();
  out.isLate.store(!out.late.empty(), std::memory_order_relaxed);
}

Status MappedTransport::poll(std::vector<Event> &events) {
  Event event;
  for (Incoming &in : incoming_) {
    event.node = in.from;
    // No more than a ring holds: a sender that never pauses must not keep the poll from ending.
    for (uint32_t i = 0; i < messages_ && in.ring.pop(event.message); ++i)
      events.push_back(event);
  }
  for (const auto &out : outgoing_)
    if (out && out->isLate.load(std::memory_order_relaxed))
      flush(*out);
  return inner_ ? inner_->poll(events) : Status::ok();
}

} // namespace of::rt
