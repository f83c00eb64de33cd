// What comes from one connection: heads through a small buffer, payloads straight to where they
// belong.
//
//   socket ──one read──▶ rest of the payload under way | buffer ──▶ heads ──▶ Receiver
//
// Only the part of a payload that comes with its head is copied. A bounded part is read at once.
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

  void land(size_t bytes, Receiver &receiver);
  Status takeHeads(Receiver &receiver);
  Status takeHead(Receiver &receiver);

  std::vector<std::byte> buffer_;
  size_t begin_ = 0, end_ = 0;   ///< what is unread in it
  std::byte *payload_ = nullptr; ///< where the rest of the one under way goes
  size_t missing_ = 0;           ///< of it
};

} // namespace of::rt
