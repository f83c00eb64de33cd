// Frames over TCP for the control tree: non-blocking sockets, whole frames in and out.
//
// A frame is {type: 4 bytes, length: 4 bytes} and the payload, in host order: all nodes of a run
// have one byte order.
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
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
  Cause,
  Done,
  End
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
  void send(FrameType type, const std::string &payload);
  bool hasOutput() const { return !output_.empty(); }
  /// Writes what can be written; closes on error.
  void flush();
  /// Reads what is there and appends whole frames; closes when the peer has closed.
  void receive(std::vector<Frame> &frames);

private:
  int fd_ = -1;
  std::string input_, output_;
};

/// Listens on the port of "host:port", on all interfaces.
Result<int> listenOn(const std::string &address);
/// Starts or retries one connection attempt, waiting up to a second; -1 if nobody answers yet.
/// InvalidArgument for a wrong address.
Result<int> connectOnce(const std::string &address);

} // namespace of::rt
