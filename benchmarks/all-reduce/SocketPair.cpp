// What one TCP connection of this machine carries both ways at once: socket-pair BYTES ITERATIONS.
// Each of two processes sends BYTES and receives as many, as the two ends of an all-reduce between
// two do. Prints the nanoseconds of each iteration, one a line.
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

[[noreturn]] void fail(const char *what) {
  std::perror(what);
  std::exit(1);
}

/// A connected pair of TCP sockets over the loopback interface.
void connectPair(int (&ends)[2]) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto *generic = reinterpret_cast<sockaddr *>(&address);
  if (listener < 0 || ::bind(listener, generic, length) != 0 || ::listen(listener, 1) != 0 ||
      ::getsockname(listener, generic, &length) != 0)
    fail("listen");
  ends[0] = ::socket(AF_INET, SOCK_STREAM, 0);
  if (ends[0] < 0 || ::connect(ends[0], generic, length) != 0)
    fail("connect");
  ends[1] = ::accept(listener, nullptr, nullptr);
  if (ends[1] < 0)
    fail("accept");
  ::close(listener);
  for (const int end : ends) {
    const int one = 1;
    ::setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ::fcntl(end, F_SETFL, O_NONBLOCK);
  }
}

/// Bytes moved; 0 if the socket would block.
size_t moved(ssize_t result) {
  if (result < 0 && errno != EAGAIN)
    fail("socket");
  return result < 0 ? 0 : static_cast<size_t>(result);
}

void exchange(int end, std::vector<char> &out, std::vector<char> &in) {
  size_t sent = 0, received = 0;
  while (sent < out.size() || received < in.size()) {
    size_t step = 0;
    if (sent < out.size())
      step += moved(::send(end, out.data() + sent, out.size() - sent, MSG_NOSIGNAL));
    sent += step;
    if (received < in.size()) {
      const size_t got = moved(::recv(end, in.data() + received, in.size() - received, 0));
      received += got;
      step += got;
    }
    if (step == 0) {
      pollfd wait{end, static_cast<short>(POLLIN | (sent < out.size() ? POLLOUT : 0)), 0};
      ::poll(&wait, 1, 1);
    }
  }
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: socket-pair BYTES ITERATIONS\n");
    return 2;
  }
  const size_t bytes = static_cast<size_t>(std::atoll(argv[1]));
  const int iterations = std::atoi(argv[2]);
  int ends[2];
  connectPair(ends);
  const pid_t other = ::fork();
  if (other < 0)
    fail("fork");
  const int end = ends[other == 0 ? 1 : 0];
  std::vector<char> out(bytes, 1), in(bytes, 2);
  using Clock = std::chrono::steady_clock;
  for (int i = 0; i < iterations; ++i) {
    const auto start = Clock::now();
    exchange(end, out, in);
    if (other != 0)
      std::printf("%.0f\n", std::chrono::duration<double, std::nano>(Clock::now() - start).count());
  }
  int status = 0;
  if (other != 0 && (::waitpid(other, &status, 0) != other || status != 0 || in != out))
    return 1;
  return 0;
}
