#include "runtime/transport/tcp/TcpTransport.h"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace of::rt {

namespace {
/// Polls after which what is held back goes at the latest.
constexpr uint32_t kPollsHeld = 16;
constexpr int kEventsAtOnce = 64;
/// So many may be under way before a queue grows.
constexpr size_t kUnderWay = 256;
} // namespace

/// One connection.
class TcpTransport::Peer final : public Incoming::Receiver {
public:
  Peer(TcpTransport &owner, NodeId node, int fd) : owner(owner), node(node), fd(fd) {}
  ~Peer() override {
    if (fd >= 0)
      ::close(fd);
  }

  void onMessage(const Message &message) override {
    Event event;
    event.node = node;
    event.message = message;
    owner.ready_.push_back(event);
  }

  Result<std::byte *> onPush(const FrameHead &head) override {
    const auto it = owner.posts_.find({node, head.message.edge, head.message.sequence});
    if (it == owner.posts_.end())
      return Status(Code::Corrupt, "it pushes bytes that were not granted");
    landing = owner.takePost(it);
    if (landing.bytes != head.bytes)
      return Status(Code::Corrupt, "it pushed " + std::to_string(head.bytes) + " bytes where " +
                                       std::to_string(landing.bytes) + " were expected");
    return static_cast<std::byte *>(landing.offered ? landing.offered : landing.data);
  }

  void onLanded() override {
    Event event;
    event.kind = Event::Kind::PostDone;
    event.node = node;
    event.token = landing.token;
    event.inPlace = landing.offered != nullptr;
    owner.ready_.push_back(event);
  }

  TcpTransport &owner;
  const NodeId node;
  int fd;
  Outgoing out;
  Incoming in;
  Post landing;              ///< of the payload that comes
  bool isFull = false;       ///< the socket took no more: the next poll tries again
  int error = 0;             ///< why it has ended
  Clock::time_point ended{}; ///< if it has
};

TcpTransport::TcpTransport(NodeId self, Clock::duration silence) : self_(self), silence_(silence) {
  posts_.reserve(kUnderWay);
  spares_.reserve(kUnderWay);
  ready_.reserve(kUnderWay);
  written_.reserve(kUnderWay);
  for (uint64_t i = 0; i < kUnderWay; ++i)
    spares_.push_back(posts_.extract(posts_.emplace(PostKey{0, {}, i}, Post()).first));
}

Result<std::unique_ptr<TcpTransport>> TcpTransport::create(NodeId self, std::vector<int> sockets,
                                                           Clock::duration silence) {
  std::unique_ptr<TcpTransport> out(new TcpTransport(self, silence));
  out->peers_.resize(sockets.size());
  Status status;
  for (NodeId n = 0; n < sockets.size(); ++n)
    if (sockets[n] >= 0)
      if (const Status added = out->add(n, sockets[n]); status.isOk())
        status = added;
  if (!status.isOk())
    return status;
  return out;
}

TcpTransport::~TcpTransport() {
  if (epoll_ >= 0)
    ::close(epoll_);
}

Status TcpTransport::add(NodeId node, int socket) {
  peers_[node] = std::make_unique<Peer>(*this, node, socket);
  all_.push_back(peers_[node].get());
  const int on = 1; // fails for sockets that know no delay
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (epoll_ < 0)
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = node;
  if (epoll_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0)
    return Status(Code::Io, "cannot watch the data connection to node " + std::to_string(node) +
                                ": " + std::strerror(errno));
  return Status::ok();
}

Result<TcpTransport::Peer *> TcpTransport::peerOf(NodeId node) {
  if (node >= peers_.size() || !peers_[node])
    return Status(Code::Internal, "node " + std::to_string(self_) +
                                      " has no data connection to node " + std::to_string(node));
  return peers_[node].get();
}

void TcpTransport::lose(Peer &peer, int error) {
  ::close(peer.fd);
  peer.fd = -1;
  peer.error = error;
  peer.ended = Clock::now();
  peer.out.clear();
  peer.isFull = false;
  ++lost_;
}

void TcpTransport::write(Peer &peer) {
  if (peer.fd < 0)
    return;
  written_.clear();
  int error = 0;
  const Outgoing::End end = peer.out.write(peer.fd, written_, error);
  peer.isFull = end == Outgoing::End::Full;
  Event event;
  event.kind = Event::Kind::PushDone;
  event.node = peer.node;
  for (const uint64_t token : written_) {
    event.token = token;
    ready_.push_back(event);
  }
  if (end == Outgoing::End::Broken)
    lose(peer, error);
}

Status TcpTransport::send(NodeId node, const Message &message) {
  std::lock_guard<std::mutex> lock(mutex_);
  OF_ASSIGN(Peer *const peer, peerOf(node));
  if (peer->fd < 0)
    return Status::ok();
  peer->out.addMessage(message);
  if (message.kind == MessageKind::Grant)
    pollsHeld_ = std::max(pollsHeld_.load(), 1u);
  else if (!peer->isFull)
    write(*peer);
  return Status::ok();
}

Status TcpTransport::flush() {
  if (pollsHeld_.load(std::memory_order_relaxed) == 0)
    return Status::ok(); // who has sent a grant knows of it
  std::lock_guard<std::mutex> lock(mutex_);
  pollsHeld_ = 0;
  for (Peer *peer : all_)
    if (!peer->out.isEmpty() && !peer->isFull)
      write(*peer);
  return Status::ok();
}

Status TcpTransport::push(NodeId node, const EdgeKey &edge, uint64_t sequence, const void *data,
                          size_t bytes, uint64_t token) {
  std::lock_guard<std::mutex> lock(mutex_);
  OF_ASSIGN(Peer *const peer, peerOf(node));
  if (peer->fd < 0)
    return Status::ok();
  peer->out.addPush(edge, sequence, data, bytes, token);
  if (!peer->isFull)
    write(*peer);
  return Status::ok();
}

Status TcpTransport::post(NodeId node, const EdgeKey &edge, uint64_t sequence, void *data,
                          size_t bytes, uint64_t token) {
  std::lock_guard<std::mutex> lock(mutex_);
  const PostKey key{node, edge, sequence};
  const Post post{data, nullptr, bytes, token};
  bool isNew = true;
  if (spares_.empty()) {
    isNew = posts_.emplace(key, post).second;
  } else {
    Posts::node_type spare = std::move(spares_.back());
    spares_.pop_back();
    spare.key() = key;
    spare.mapped() = post;
    isNew = posts_.insert(std::move(spare)).inserted;
  }
  return isNew ? Status::ok()
               : Status(Code::Internal, "a landing slot is posted twice for one version");
}

TcpTransport::Post TcpTransport::takePost(const Posts::iterator &it) {
  const Post post = it->second;
  spares_.push_back(posts_.extract(it));
  return post;
}

void TcpTransport::offer(NodeId node, const EdgeKey &edge, uint64_t sequence, void *data) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (const auto it = posts_.find({node, edge, sequence}); it != posts_.end())
    it->second.offered = data;
}

void TcpTransport::read(Peer &peer) {
  if (peer.fd < 0)
    return;
  int error = 0;
  const Result<Incoming::End> end = peer.in.read(peer.fd, peer, error);
  if (!end.isOk() && error_.isOk())
    error_ = end.status().withContext("what came from node " + std::to_string(peer.node));
  if (!end.isOk() || *end == Incoming::End::Closed)
    lose(peer, error);
}

/// Where there is one, looking whether something has come costs as much as taking it.
void TcpTransport::readAll() {
  if (all_.size() == 1)
    return read(*all_[0]);
  epoll_event events[kEventsAtOnce];
  const int number = ::epoll_wait(epoll_, events, kEventsAtOnce, 0);
  for (int i = 0; i < number; ++i)
    read(*peers_[events[i].data.u32]);
}

Status TcpTransport::checkLost() const {
  for (const Peer *peer : all_)
    if (peer->fd < 0 && Clock::now() - peer->ended > silence_)
      return Status(
          Code::PeerLost,
          "the data connection to node " + std::to_string(peer->node) + " broke: " +
              (peer->error == 0 ? "the other end closed it" : std::strerror(peer->error)));
  return Status::ok();
}

Status TcpTransport::poll(std::vector<Event> &events) {
  std::lock_guard<std::mutex> lock(mutex_);
  const bool overdue = pollsHeld_ != 0 && ++pollsHeld_ > kPollsHeld;
  if (overdue)
    pollsHeld_ = 0;
  for (Peer *peer : all_)
    if (peer->isFull || (overdue && !peer->out.isEmpty()))
      write(*peer);
  if (error_.isOk())
    readAll();
  events.insert(events.end(), ready_.begin(), ready_.end());
  ready_.clear();
  return error_.isOk() && lost_ != 0 ? checkLost() : error_;
}

} // namespace of::rt
