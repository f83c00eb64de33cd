// What waits to be written to one connection, in order.
//
// Heads are copied, payloads are read where they lie, and one system call takes as many frames as
// are there. The queue grows to the largest number of frames that ever waited and is kept. Guarded
// by its owner.
#pragma once

#include "runtime/transport/tcp/Frame.h"

#include <sys/uio.h>

namespace of::rt {

class Outgoing {
public:
  enum class End : uint8_t { Empty, Full, Broken };

  void addMessage(const Message &message) { add({messageHead(message), nullptr, 0}); }
  /// `data` stays as it is until `token` is written.
  void addPush(const EdgeKey &edge, uint64_t sequence, const void *data, size_t bytes,
               uint64_t token) {
    add({pushHead(edge, sequence, bytes), static_cast<const std::byte *>(data), token});
  }
  /// Writes what the socket takes and appends the tokens of pushes that are written whole. Full:
  /// the socket takes no more now, or has taken a bounded amount. Broken: it never will; `error`
  /// says why.
  End write(int fd, std::vector<uint64_t> &written, int &error);

  bool isEmpty() const { return count_ == 0; }
  void clear() { count_ = 0; }

private:
  struct Frame {
    FrameHead head;
    const std::byte *data = nullptr;
    uint64_t token = 0;
  };
  static constexpr size_t kFramesAtOnce = 32;
  /// Of one call and of all calls of a `write`: a long push lets this node read in between.
  static constexpr size_t kBytesAtOnce = (size_t(1) << 20) + 4096, kBytesPerWrite = size_t(4) << 20;

  void add(const Frame &frame);
  Frame &at(size_t i) { return ring_[(first_ + i) & (ring_.size() - 1)]; }
  size_t gather(iovec *parts, size_t &bytes);
  void take(size_t bytes, std::vector<uint64_t> &written);

  std::vector<Frame> ring_ = std::vector<Frame>(64); ///< a power of two of places
  size_t first_ = 0, count_ = 0;
  size_t done_ = 0; ///< bytes of the first frame that are written
};

} // namespace of::rt
