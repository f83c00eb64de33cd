#include "runtime/transport/tcp/Incoming.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace of::rt {

/// So many more bytes of the payload are at their place.
void Incoming::land(size_t bytes, Receiver &receiver) {
  payload_ += bytes;
  missing_ -= bytes;
  if (missing_ == 0 && bytes != 0)
    receiver.onLanded();
}

Status Incoming::takeHead(Receiver &receiver) {
  FrameHead head;
  std::memcpy(&head, buffer_.data() + begin_, sizeof head);
  begin_ += sizeof head;
  if (head.check != checkOf(head))
    return Status(Code::Corrupt, "it was damaged on its way; check the network between them");
  if (head.kind == FrameKind::Message) {
    receiver.onMessage(head.message);
    return Status::ok();
  }
  if (head.kind != FrameKind::Push)
    return Status(Code::Corrupt, "it is of a kind that this of-run does not know; run one version "
                                 "everywhere");
  OF_ASSIGN(payload_, receiver.onPush(head));
  missing_ = head.bytes;
  isLong_ = missing_ >= kLong;
  if (missing_ == 0)
    receiver.onLanded();
  return Status::ok();
}

Status Incoming::takeHeads(Receiver &receiver) {
  while (true) {
    const size_t here = std::min(missing_, end_ - begin_);
    if (here != 0) {
      std::memcpy(payload_, buffer_.data() + begin_, here);
      begin_ += here;
      land(here, receiver);
    }
    if (end_ - begin_ < sizeof(FrameHead))
      break;
    OF_TRY(takeHead(receiver));
  }
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  return Status::ok();
}

void Incoming::waitFor(int fd, size_t bytes) {
  if (bytes == awaited_)
    return;
  const int low = static_cast<int>(bytes);
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low); // else less is reported
  awaited_ = bytes;
}

bool Incoming::isWorthReading(int fd) {
  waitFor(fd, isLong_ && missing_ > 0 ? std::min(missing_, kAtATime) : 1);
  pollfd look{fd, POLLIN, 0};
  return awaited_ == 1 || ::poll(&look, 1, 0) != 0;
}

Result<Incoming::End> Incoming::read(int fd, Receiver &receiver, int &error) {
  if (!isWorthReading(fd))
    return End::Open;
  for (size_t total = 0; total < kBytesPerRead;) {
    // While a payload is under way the buffer is empty; behind its end the next heads may follow.
    const iovec parts[] = {{payload_, missing_}, {buffer_.data() + end_, kBuffer - end_}};
    const bool one = missing_ == 0;
    const ssize_t n = one ? ::read(fd, parts[1].iov_base, parts[1].iov_len) : ::readv(fd, parts, 2);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return End::Open;
    if (n <= 0) {
      error = n == 0 ? 0 : errno;
      return End::Closed;
    }
    const size_t bytes = static_cast<size_t>(n), landed = std::min(bytes, missing_);
    const bool all = bytes < parts[1].iov_len + (one ? 0 : parts[0].iov_len);
    land(landed, receiver);
    end_ += bytes - landed;
    OF_TRY(takeHeads(receiver));
    total += bytes;
    if (all)
      break; // nothing more is there: looking again would be a call for nothing
  }
  return End::Open;
}

} // namespace of::rt
