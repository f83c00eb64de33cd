// What comes from one connection: heads through a small buffer, payloads straight to where they
// belong.
//
//   socket ──one read──▶ rest of the payload under way | buffer ──▶ heads ──▶ Receiver
//
// Only the part of a payload that comes with its head is copied. A bounded part is read at once.
// Of a long payload much is taken at a time: a reader that takes every packet as it comes is in the
// way of the packets behind it, both want the socket's lock.
// Nothing is allocated after construction. Guarded by its owner.
#pragma once

#include "runtime/transport/tcp/Frame.h"

namespace of::rt {

class Incoming {
public:
  /// What is done with what comes.
  class Receiver {
  public:
    virtual ~Receiver() = default;
    virtual void onMessage(const Message &message) = 0;
    /// Where the payload of a push goes; an error if nobody waits for it.
    virtual Result<std::byte *> onPush(const FrameHead &head) = 0;
    /// The payload of the last push is there.
    virtual void onLanded() = 0;
  };
  enum class End : uint8_t { Open, Closed };

  Incoming() : buffer_(kBuffer) {}

  /// Reads what is there. Closed: the other end is gone, and `error` says why (0: it has closed).
  /// Corrupt if what comes is damaged, or what the receiver says.
  Result<End> read(int fd, Receiver &receiver, int &error);

private:
  static constexpr size_t kBuffer = size_t(32) << 10;
  static constexpr size_t kBytesPerRead = size_t(4) << 20;

  static constexpr size_t kLong = size_t(1) << 20;      ///< payload
  static constexpr size_t kAtATime = size_t(512) << 10; ///< of a long one

  bool isWorthReading(int fd);
  void waitFor(int fd, size_t bytes);
  void land(size_t bytes, Receiver &receiver);
  Status takeHeads(Receiver &receiver);
  Status takeHead(Receiver &receiver);

  std::vector<std::byte> buffer_;
  size_t begin_ = 0, end_ = 0;   ///< what is unread in it
  std::byte *payload_ = nullptr; ///< where the rest of the one under way goes
  size_t missing_ = 0;           ///< of it
  bool isLong_ = false;          ///< it is
  size_t awaited_ = 1;           ///< bytes that the socket reports no less than
};

} // namespace of::rt
