#include "runtime/transport/tcp/Outgoing.h"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>

namespace of::rt {

void Outgoing::add(const Frame &frame) {
  if (count_ == ring_.size()) {
    std::vector<Frame> larger(2 * ring_.size());
    for (size_t i = 0; i < count_; ++i)
      larger[i] = at(i);
    ring_.swap(larger);
    first_ = 0;
  }
  at(count_++) = frame;
}

/// The next bytes to write; returns in how many parts.
size_t Outgoing::gather(iovec *parts, size_t &bytes) {
  size_t number = 0, skip = done_;
  bytes = 0;
  auto part = [&](const void *data, size_t length) {
    const size_t skipped = std::min(skip, length);
    skip -= skipped;
    length = std::min(length - skipped, kBytesAtOnce - bytes);
    if (length == 0)
      return;
    parts[number++] = {const_cast<std::byte *>(static_cast<const std::byte *>(data)) +
                           skipped, // only read
                       length};
    bytes += length;
  };
  for (size_t i = 0; i < std::min(count_, kFramesAtOnce) && bytes < kBytesAtOnce; ++i) {
    const Frame &frame = at(i);
    part(&frame.head, sizeof frame.head);
    part(frame.data, frame.head.bytes);
  }
  return number;
}

void Outgoing::take(size_t bytes, std::vector<uint64_t> &written) {
  done_ += bytes;
  while (count_ > 0) {
    const Frame &frame = at(0);
    const size_t whole = sizeof frame.head + frame.head.bytes;
    if (done_ < whole)
      return;
    done_ -= whole;
    if (frame.head.kind == FrameKind::Push)
      written.push_back(frame.token);
    first_ = (first_ + 1) & (ring_.size() - 1);
    --count_;
  }
}

Outgoing::End Outgoing::write(int fd, std::vector<uint64_t> &written, int &error) {
  iovec parts[2 * kFramesAtOnce];
  for (size_t total = 0; count_ > 0;) {
    if (total >= kBytesPerWrite)
      return End::Full;
    size_t bytes = 0;
    msghdr header{};
    header.msg_iov = parts;
    header.msg_iovlen = gather(parts, bytes);
    const ssize_t n = ::sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      error = errno;
      return errno == EAGAIN || errno == EWOULDBLOCK ? End::Full : End::Broken;
    }
    take(static_cast<size_t>(n), written);
    total += static_cast<size_t>(n);
    if (static_cast<size_t>(n) < bytes)
      return End::Full;
  }
  return End::Empty;
}

} // namespace of::rt
