// Frames over TCP for the control tree: non-blocking sockets, whole frames in and out.
//
// A frame is {type: 4 bytes, length: 4 bytes} and the payload, in host order: all nodes of a run
// have one byte order.
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace of::rt {

enum class FrameType : uint32_t {
  Welcome,
  Refusal,
  Heartbeat,
  Gather,
  Gathered,
  Report,
  Done,
  Verdict,
  Agreed,
  Release,
  Takeover,
  HaltWanted,
  Freeze,
  Promise,
  HaltAt,
  Ask,
  Answer,
  ClockAsk,
  ClockTell
};

struct Frame {
  FrameType type = FrameType::Heartbeat;
  std::string payload;
};

/// Moves whole frames, at most so many, from the front of a stream of bytes to `frames`. Corrupt if
/// the next one would be longer than any that a node sends.
Status takeFrames(std::string &bytes, std::vector<Frame> &frames, size_t atMost = ~size_t(0));

/// A connection; owned and used by one thread.
class Connection {
public:
  explicit Connection(int fd) : fd_(fd) {}
  Connection(Connection &&other) noexcept;
  Connection &operator=(Connection &&other) noexcept;
  ~Connection();

  int fd() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void close();
  /// Gives the socket away.
  int release() { return std::exchange(fd_, -1); }
  /// The addresses of the other end and of this one, without ports.
  std::string peerHost() const;
  std::string ownHost() const;
  void send(FrameType type, const std::string &payload);
  /// Bytes without a frame around them, before the first frame.
  void sendRaw(const std::string &bytes);
  /// Reads until there are exactly so many bytes, never more; then they are moved to `out`. Closes
  /// when the peer has closed before.
  bool receiveRaw(size_t bytes, std::string &out);
  bool hasOutput() const { return !output_.empty(); }
  /// Writes what can be written; closes on error.
  void flush();
  /// Reads what is there, a bounded part of it at once and no more than the longest frame beyond
  /// what was taken, and appends whole frames, at most so many. Closes when the peer has closed,
  /// and with Corrupt when it sends what no node does.
  Status receive(std::vector<Frame> &frames, size_t atMost = ~size_t(0));

private:
  int fd_ = -1;
  std::string input_, output_;
};

/// A socket that others connect to; owned by one thread.
class Listener {
public:
  explicit Listener(int fd = -1) : fd_(fd) {}
  Listener(Listener &&other) noexcept { std::swap(fd_, other.fd_); }
  Listener &operator=(Listener &&other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Listener();

  int fd() const { return fd_; }
  uint16_t port() const;
  /// host:port
  std::string address() const;
  /// The next that comes within the time; not open if nobody does.
  Connection accept(int waitMs) const;

private:
  int fd_ = -1;
};

/// "host:port", with brackets around an IPv6 host.
std::string addressText(const std::string &host, uint16_t port);
/// The host of "host:port", without brackets.
Result<std::string> hostOf(const std::string &address);
/// Whether only processes of this host can reach the host of "host:port".
Result<bool> isLoopback(const std::string &address);

/// Whether the host of "host:port" is this one.
Result<bool> isOwnHost(const std::string &address);

/// Listens on the port of "host:port", 0 for any that is free: on the addresses of an interface,
/// named as the system does or by its address, on all for "any", and where none is named on the
/// host of the address alone. InvalidArgument for an interface that is not here.
Result<Listener> listenOn(const std::string &interface, const std::string &address);
/// Starts or retries one connection attempt, waiting so long at most; -1 if nobody answers yet.
/// InvalidArgument for a wrong address.
Result<int> connectOnce(const std::string &address, int waitMs);

} // namespace of::rt
