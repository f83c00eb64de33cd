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
  Hello,
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
  HaltAt
};

struct Frame {
  FrameType type = FrameType::Heartbeat;
  std::string payload;
};

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
  /// The address of the other end, without its port.
  std::string peerHost() const;
  void send(FrameType type, const std::string &payload);
  bool hasOutput() const { return !output_.empty(); }
  /// Writes what can be written; closes on error.
  void flush();
  /// Reads what is there and appends whole frames, at most so many; closes when the peer has
  /// closed.
  void receive(std::vector<Frame> &frames, size_t atMost = ~size_t(0));

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
  /// The next that comes within the time; not open if nobody does.
  Connection accept(int waitMs) const;

private:
  int fd_ = -1;
};

/// Listens on the port of "host:port", on all interfaces; port 0: any that is free.
Result<Listener> listenOn(const std::string &address);
/// Starts or retries one connection attempt, waiting so long at most; -1 if nobody answers yet.
/// InvalidArgument for a wrong address.
Result<int> connectOnce(const std::string &address, int waitMs);

} // namespace of::rt
