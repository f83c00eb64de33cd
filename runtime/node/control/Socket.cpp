#include "runtime/node/control/Socket.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace of::rt {

namespace {
constexpr size_t kHeaderBytes = 8;
constexpr uint32_t kMaxPayload = 64u << 20;

Result<std::pair<std::string, std::string>> split(const std::string &address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == address.size())
    return Status(Code::InvalidArgument, "'" + address + "' is no host:port");
  return std::pair(address.substr(0, colon), address.substr(colon + 1));
}

void configure(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}
/// A connection to a local port that nobody listens on may meet itself.
bool isOwnEnd(int fd) {
  sockaddr_storage self{}, peer{};
  socklen_t selfLength = sizeof self, peerLength = sizeof peer;
  return ::getsockname(fd, reinterpret_cast<sockaddr *>(&self), &selfLength) == 0 &&
         ::getpeername(fd, reinterpret_cast<sockaddr *>(&peer), &peerLength) == 0 &&
         selfLength == peerLength && std::memcmp(&self, &peer, selfLength) == 0;
}
} // namespace

Connection::Connection(Connection &&other) noexcept { *this = std::move(other); }

Connection &Connection::operator=(Connection &&other) noexcept {
  std::swap(fd_, other.fd_);
  input_.swap(other.input_);
  output_.swap(other.output_);
  return *this;
}

Connection::~Connection() { close(); }

void Connection::close() {
  if (fd_ >= 0)
    ::close(fd_);
  fd_ = -1;
  output_.clear();
}

std::string Connection::peerHost() const {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  char host[NI_MAXHOST] = "";
  if (::getpeername(fd_, reinterpret_cast<sockaddr *>(&peer), &length) == 0)
    ::getnameinfo(reinterpret_cast<sockaddr *>(&peer), length, host, sizeof host, nullptr, 0,
                  NI_NUMERICHOST);
  return host;
}

Listener::~Listener() {
  if (fd_ >= 0)
    ::close(fd_);
}

uint16_t Listener::port() const {
  sockaddr_storage self{};
  socklen_t length = sizeof self;
  if (::getsockname(fd_, reinterpret_cast<sockaddr *>(&self), &length) != 0)
    return 0;
  return ntohs(self.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6 &>(self).sin6_port
                                          : reinterpret_cast<sockaddr_in &>(self).sin_port);
}

Connection Listener::accept(int waitMs) const {
  pollfd fd{fd_, POLLIN, 0};
  if (fd_ < 0 || ::poll(&fd, 1, waitMs) <= 0)
    return Connection(-1);
  return Connection(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

void Connection::send(FrameType type, const std::string &payload) {
  if (!open())
    return;
  const uint32_t header[2] = {static_cast<uint32_t>(type), static_cast<uint32_t>(payload.size())};
  output_.append(reinterpret_cast<const char *>(header), kHeaderBytes);
  output_ += payload;
  flush();
}

void Connection::flush() {
  while (open() && !output_.empty()) {
    const ssize_t n = ::send(fd_, output_.data(), output_.size(), MSG_NOSIGNAL);
    if (n > 0) {
      output_.erase(0, static_cast<size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno != EINTR) {
      close();
    }
  }
}

void Connection::receive(std::vector<Frame> &frames, size_t atMost) {
  char buffer[65536];
  while (open()) {
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n > 0) {
      input_.append(buffer, static_cast<size_t>(n));
    } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      break;
    } else if (n == 0 || errno != EINTR) {
      close(); // frames that came before are still taken
    }
  }
  for (; atMost > 0 && input_.size() >= kHeaderBytes; --atMost) {
    uint32_t header[2];
    std::memcpy(header, input_.data(), kHeaderBytes);
    if (header[1] > kMaxPayload) {
      close();
      return;
    }
    if (input_.size() < kHeaderBytes + header[1])
      return;
    frames.push_back({static_cast<FrameType>(header[0]), input_.substr(kHeaderBytes, header[1])});
    input_.erase(0, kHeaderBytes + header[1]);
  }
}

Result<Listener> listenOn(const std::string &address) {
  OF_ASSIGN(const auto parts, split(address));
  const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1, off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(static_cast<uint16_t>(std::strtoul(parts.second.c_str(), nullptr, 10)));
  any.sin6_addr = in6addr_any;
  int listener = fd;
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr *>(&any), sizeof any) != 0) {
    // A host without IPv6.
    if (fd >= 0)
      ::close(fd);
    listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in any4{};
    any4.sin_family = AF_INET;
    any4.sin_port = any.sin6_port;
    any4.sin_addr.s_addr = htonl(INADDR_ANY);
    if (listener < 0 || ::bind(listener, reinterpret_cast<sockaddr *>(&any4), sizeof any4) != 0) {
      const Status status(Code::Io, "cannot listen on port " + parts.second + ": " +
                                        std::strerror(errno) +
                                        "; choose another with --port or --peers");
      if (listener >= 0)
        ::close(listener);
      return status;
    }
  }
  ::listen(listener, 1024);
  configure(listener);
  return Listener(listener);
}

Result<int> connectOnce(const std::string &address, int waitMs) {
  OF_ASSIGN(const auto parts, split(address));
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (const int error = ::getaddrinfo(parts.first.c_str(), parts.second.c_str(), &hints, &found);
      error != 0)
    return Status(Code::InvalidArgument,
                  "cannot find host '" + parts.first + "': " + ::gai_strerror(error));
  int connected = -1;
  for (const addrinfo *a = found; a && connected < 0; a = a->ai_next) {
    const int fd =
        ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (fd < 0)
      continue;
    int error = ::connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      pollfd waiting{fd, POLLOUT, 0};
      socklen_t length = sizeof error;
      error = ETIMEDOUT;
      if (::poll(&waiting, 1, waitMs) == 1)
        ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    }
    if (error == 0 && !isOwnEnd(fd))
      connected = fd;
    else
      ::close(fd);
  }
  ::freeaddrinfo(found);
  if (connected >= 0)
    configure(connected);
  return connected;
}

} // namespace of::rt
