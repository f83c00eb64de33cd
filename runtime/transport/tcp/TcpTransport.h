// Transport over plain TCP: one connection to each node of another host.
//
//   push, Ready, Ack ──▶ queue of the connection ──sendmsg, all that waits──▶ socket (Outgoing.h)
//   grant ─────────────▶ the same queue, held back: it goes along with the next of those
//   poll ◀── messages, what has landed ◀──readv, payloads to their place──── socket (Incoming.h)
//
// A version of an edge thus costs one system call on each side. Bytes go from the kernel to the
// post's buffer, or to where room was offered, without a stop between; every push has been granted,
// so its post is there when it comes.
//
// A connection that ends says nothing for a while: mostly its node has died, which the control tree
// knows better. If the run goes on all the same the poll fails.
//
// One mutex guards everything. Queues hold what is usually under way, else they grow, and are kept.
#pragma once

#include "runtime/transport/tcp/Incoming.h"
#include "runtime/transport/tcp/Outgoing.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace of::rt {

class TcpTransport final : public Transport {
public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kSilence{5000};

  /// Of node `self`; `sockets[n]` is connected to node n and becomes this object's, -1 where there
  /// is none. `silence`: how long a connection that has ended is no error.
  static Result<std::unique_ptr<TcpTransport>> create(NodeId self, std::vector<int> sockets,
                                                      Clock::duration silence = kSilence);
  ~TcpTransport() override;

  NodeId self() const override { return self_; }
  Status send(NodeId node, const Message &message) override;
  Status flush() override;
  Status push(NodeId node, const EdgeKey &edge, uint64_t sequence, const void *data, size_t bytes,
              uint64_t token) override;
  Status post(NodeId node, const EdgeKey &edge, uint64_t sequence, void *data, size_t bytes,
              uint64_t token) override;
  void offer(NodeId node, const EdgeKey &edge, uint64_t sequence, void *data) override;
  Status poll(std::vector<Event> &events) override;
  const char *describe() const override { return "TCP"; }

private:
  struct PostKey {
    NodeId node = 0;
    EdgeKey edge;
    uint64_t sequence = 0;
    bool operator==(const PostKey &o) const {
      return node == o.node && edge == o.edge && sequence == o.sequence;
    }
  };
  struct PostKeyHash {
    size_t operator()(const PostKey &key) const {
      return EdgeKeyHash()(key.edge) + key.sequence * 0x9e3779b97f4a7c15ull + key.node;
    }
  };
  struct Post {
    void *data = nullptr;
    void *offered = nullptr;
    size_t bytes = 0;
    uint64_t token = 0;
  };
  using Posts = std::unordered_map<PostKey, Post, PostKeyHash>;

  class Peer;

  TcpTransport(NodeId self, Clock::duration silence);

  Result<Peer *> peerOf(NodeId node);
  Status add(NodeId node, int socket);
  void write(Peer &peer);
  void lose(Peer &peer, int error);
  void read(Peer &peer);
  void readAll();
  Status checkLost() const;
  Post takePost(const Posts::iterator &it);

  const NodeId self_;
  const Clock::duration silence_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Peer>> peers_; ///< by node; null where there is no connection
  std::vector<Peer *> all_;
  int epoll_ = -1; ///< of all, where there are several
  Posts posts_;
  std::vector<Posts::node_type> spares_; ///< of posts that are done
  std::vector<Event> ready_;
  std::vector<uint64_t> written_;
  /// Since something is held back; 0: nothing is. Written under the mutex.
  std::atomic<uint32_t> pollsHeld_{0};
  size_t lost_ = 0; ///< connections that have ended
  Status error_;
};

} // namespace of::rt
