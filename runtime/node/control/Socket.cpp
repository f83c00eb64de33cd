#include "runtime/node/control/Socket.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <ifaddrs.h>
#include <memory>
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
/// Read at one call: a peer that writes faster than this end reads keeps nobody else waiting.
constexpr size_t kReceiveBytes = size_t(1) << 20;

Result<std::pair<std::string, std::string>> split(const std::string &address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == address.size())
    return Status(Code::InvalidArgument, "'" + address + "' is no host:port");
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return std::pair(host, address.substr(colon + 1));
}

/// Addresses of a host; an owner for what getaddrinfo gives.
using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;
Result<Addresses> resolve(const std::string &address) {
  OF_ASSIGN(const auto parts, split(address));
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (const int error = ::getaddrinfo(parts.first.c_str(), parts.second.c_str(), &hints, &found);
      error != 0)
    return Status(Code::InvalidArgument,
                  "cannot find host '" + parts.first + "': " + ::gai_strerror(error));
  return Addresses(found, &::freeaddrinfo);
}

/// The numeric address of an interface that is named as the system does.
Result<std::string> addressOf(const std::string &interface) {
  ifaddrs *list = nullptr;
  if (::getifaddrs(&list) != 0)
    return Status(Code::Io, std::string("cannot list the interfaces: ") + std::strerror(errno));
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  std::string names;
  for (const int family : {AF_INET, AF_INET6})
    for (const ifaddrs *i = list; i; i = i->ifa_next) {
      if (!i->ifa_addr || i->ifa_addr->sa_family != family)
        continue;
      char host[NI_MAXHOST] = "";
      const socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
      if (::getnameinfo(i->ifa_addr, length, host, sizeof host, nullptr, 0, NI_NUMERICHOST) != 0)
        continue;
      if (interface == i->ifa_name || interface == host)
        return std::string(host);
      names += (names.empty() ? "" : ", ") + std::string(i->ifa_name) + " (" + host + ")";
    }
  return Status(Code::InvalidArgument,
                "there is no interface '" + interface + "' here; there are " + names);
}

std::string hostOf(const sockaddr_storage &address, socklen_t length) {
  char host[NI_MAXHOST] = "";
  ::getnameinfo(reinterpret_cast<const sockaddr *>(&address), length, host, sizeof host, nullptr, 0,
                NI_NUMERICHOST);
  return host;
}

bool isLoopbackAddress(const sockaddr *address) {
  if (address->sa_family == AF_INET)
    return (ntohl(reinterpret_cast<const sockaddr_in *>(address)->sin_addr.s_addr) >> 24) == 127;
  return address->sa_family == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6 *>(address)->sin6_addr);
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
  return ::getpeername(fd_, reinterpret_cast<sockaddr *>(&peer), &length) == 0
             ? hostOf(peer, length)
             : "";
}

std::string Connection::ownHost() const {
  sockaddr_storage self{};
  socklen_t length = sizeof self;
  return ::getsockname(fd_, reinterpret_cast<sockaddr *>(&self), &length) == 0
             ? hostOf(self, length)
             : "";
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

std::string Listener::address() const {
  sockaddr_storage self{};
  socklen_t length = sizeof self;
  ::getsockname(fd_, reinterpret_cast<sockaddr *>(&self), &length);
  return addressText(hostOf(self, length), port());
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

void Connection::sendRaw(const std::string &bytes) {
  output_ += bytes;
  flush();
}

bool Connection::receiveRaw(size_t bytes, std::string &out) {
  char buffer[256];
  while (open() && input_.size() < bytes) {
    const ssize_t n = ::recv(fd_, buffer, std::min(sizeof buffer, bytes - input_.size()), 0);
    if (n > 0)
      input_.append(buffer, static_cast<size_t>(n));
    else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return false;
    else if (n == 0 || errno != EINTR)
      close();
  }
  if (input_.size() < bytes)
    return false;
  out = std::move(input_);
  input_.clear();
  return true;
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

Status takeFrames(std::string &bytes, std::vector<Frame> &frames, size_t atMost) {
  size_t at = 0;
  Status status;
  for (; atMost > 0 && bytes.size() - at >= kHeaderBytes; --atMost) {
    uint32_t header[2];
    std::memcpy(header, bytes.data() + at, kHeaderBytes);
    if (header[1] > kMaxPayload) {
      status = Status(Code::Corrupt, "it sent a frame of " + std::to_string(header[1]) +
                                         " bytes, and no node sends more than " +
                                         std::to_string(kMaxPayload));
      break;
    }
    if (bytes.size() - at - kHeaderBytes < header[1])
      break;
    frames.push_back(
        {static_cast<FrameType>(header[0]), bytes.substr(at + kHeaderBytes, header[1])});
    at += kHeaderBytes + header[1];
  }
  bytes.erase(0, at);
  return status;
}

Status Connection::receive(std::vector<Frame> &frames, size_t atMost) {
  // So much holds any frame, and one that is there is taken before more is read.
  constexpr size_t kMaxInput = kHeaderBytes + kMaxPayload;
  char buffer[65536];
  size_t budget = kReceiveBytes;
  while (open() && budget > 0 && input_.size() < kMaxInput) {
    const size_t room = std::min({sizeof buffer, budget, kMaxInput - input_.size()});
    const ssize_t n = ::recv(fd_, buffer, room, 0);
    if (n > 0) {
      input_.append(buffer, static_cast<size_t>(n));
      budget -= static_cast<size_t>(n);
    } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      break;
    } else if (n == 0 || errno != EINTR) {
      close(); // frames that came before are still taken
    }
  }
  const Status status = takeFrames(input_, frames, atMost);
  if (!status.isOk())
    close();
  return status;
}

std::string addressText(const std::string &host, uint16_t port) {
  const bool isV6 = host.find(':') != std::string::npos;
  return (isV6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<std::string> hostOf(const std::string &address) {
  OF_ASSIGN(const auto parts, split(address));
  return parts.first;
}

Result<bool> isLoopback(const std::string &address) {
  OF_ASSIGN(const Addresses found, resolve(address));
  for (const addrinfo *a = found.get(); a; a = a->ai_next)
    if (!isLoopbackAddress(a->ai_addr))
      return false;
  return true;
}

Result<bool> isOwnHost(const std::string &address) {
  OF_ASSIGN(const Addresses found, resolve(address));
  for (const addrinfo *a = found.get(); a; a = a->ai_next) {
    // An address is of this host if a socket can be bound to it.
    sockaddr_storage own{};
    std::memcpy(&own, a->ai_addr, a->ai_addrlen);
    (a->ai_family == AF_INET6 ? reinterpret_cast<sockaddr_in6 &>(own).sin6_port
                              : reinterpret_cast<sockaddr_in &>(own).sin_port) = 0;
    const int fd = ::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool bound =
        fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr *>(&own), a->ai_addrlen) == 0;
    if (fd >= 0)
      ::close(fd);
    if (bound)
      return true;
  }
  return false;
}

Result<Listener> listenOn(const std::string &interface, const std::string &address) {
  OF_ASSIGN(const auto parts, split(address));
  const bool any = interface == "any";
  std::string host = any ? "::" : parts.first;
  if (!any && !interface.empty()) {
    OF_ASSIGN(host, addressOf(interface));
  }
  const auto port = static_cast<uint16_t>(std::strtoul(parts.second.c_str(), nullptr, 10));
  int error = 0;
  // A host without IPv6 has no "::".
  for (const std::string &choice :
       any ? std::vector<std::string>{"::", "0.0.0.0"} : std::vector<std::string>{host}) {
    OF_ASSIGN(const Addresses found, resolve(addressText(choice, port)));
    for (const addrinfo *a = found.get(); a; a = a->ai_next) {
      const int fd = ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
      const int on = 1, off = 0;
      ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      if (a->ai_family == AF_INET6)
        ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
      if (fd >= 0 && ::bind(fd, a->ai_addr, a->ai_addrlen) == 0 && ::listen(fd, 4096) == 0) {
        configure(fd);
        return Listener(fd);
      }
      error = errno;
      if (fd >= 0)
        ::close(fd);
    }
  }
  return Status(Code::Io, "cannot listen on " + addressText(host, port) + ": " +
                              std::strerror(error) +
                              (error == EADDRNOTAVAIL
                                   ? "; name one of this host's interfaces with --interface"
                                   : "; choose another with --port or --peers"));
}

Result<int> connectOnce(const std::string &address, int waitMs) {
  OF_ASSIGN(const Addresses found, resolve(address));
  int connected = -1;
  for (const addrinfo *a = found.get(); a && connected < 0; a = a->ai_next) {
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
  if (connected >= 0)
    configure(connected);
  return connected;
}

} // namespace of::rt
