#include "tools/of-run/Launch.h"

#include "tools/of-run/RunNode.h"

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace of::run {

namespace {

using Clock = std::chrono::steady_clock;
/// The control tree ends the other nodes within seconds; this is for the case that it cannot.
constexpr std::chrono::seconds kGrace(15);

// A handler reaches nothing else.
volatile std::sig_atomic_t interrupts = 0, endSignals = 0;
void onSignal(int signal) {
  if (signal == SIGINT)
    interrupts = interrupts + 1;
  else
    endSignals = endSignals + 1;
}

struct Child {
  pid_t pid = -1;
  int stderrFd = -1;
  std::string name;
  std::string pending; ///< what came after the last line end
  bool running = false;
};

/// Ports that are free now; all are held until all are chosen, so they differ.
Result<std::vector<uint16_t>> freePorts(size_t count) {
  std::vector<int> sockets;
  std::vector<uint16_t> ports;
  for (size_t i = 0; i < count; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockets.push_back(fd);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr *>(&address), length) != 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr *>(&address), &length) != 0)
      break;
    ports.push_back(ntohs(address.sin_port));
  }
  for (int fd : sockets)
    if (fd >= 0)
      ::close(fd);
  if (ports.size() != count)
    return Status(Code::Io,
                  std::string("cannot find free ports on this machine: ") + std::strerror(errno));
  return ports;
}

/// Output of the children on one stderr.
class Console {
public:
  explicit Console(bool prefix) : prefix_(prefix) {}

  void take(Child &child, const char *data, size_t bytes) {
    child.pending.append(data, bytes);
    size_t end;
    while ((end = child.pending.find('\n')) != std::string::npos) {
      line(child, child.pending.substr(0, end));
      child.pending.erase(0, end + 1);
    }
    if (!child.pending.empty() && child.pending[0] == '\r') { // a progress line: it has no end yet
      std::fwrite(child.pending.data(), 1, child.pending.size(), stderr);
      std::fflush(stderr);
      child.pending.clear();
      progressOpen_ = true;
    }
  }
  void flush(Child &child) {
    if (!child.pending.empty())
      line(child, child.pending);
    child.pending.clear();
  }
  void last() {
    if (!cause_.empty())
      std::fprintf(stderr, "%s%s\n", kFirstCause, cause_.c_str());
  }
  bool hasCause() const { return !cause_.empty(); }

private:
  void line(const Child &child, const std::string &text) {
    const size_t length = std::strlen(kFirstCause);
    if (text.compare(0, length, kFirstCause) == 0) {
      cause_ = text.substr(length);
      return;
    }
    if (text.empty() || text[0] == '\r') { // the end of a progress line
      std::fprintf(stderr, "%s\n", text.c_str());
      progressOpen_ = false;
      return;
    }
    if (progressOpen_)
      std::fputs("\r\x1b[K", stderr);
    if (prefix_)
      std::fprintf(stderr, "[%s] ", child.name.c_str());
    std::fprintf(stderr, "%s\n", text.c_str());
  }

  const bool prefix_;
  bool progressOpen_ = false;
  std::string cause_;
};

Status start(const LaunchOptions &options, uint32_t node, const std::string &peers, Child &child) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0)
    return Status(Code::Io, std::string("cannot create a pipe: ") + std::strerror(errno));
  std::vector<std::string> words = {options.program};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  for (const std::string &word :
       {std::string("--node"), std::to_string(node), std::string("--peers"), peers})
    words.push_back(word);
  if (options.terminal)
    words.push_back("--progress-line");
  std::vector<char *> argv;
  for (std::string &word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);

  const pid_t parent = ::getpid();
  child.pid = ::fork();
  if (child.pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM); // no orphans when the launcher is killed
    if (::getppid() != parent)
      ::_exit(70);
    ::dup2(fds[1], STDERR_FILENO);
    ::execv(options.program.c_str(), argv.data());
    std::fprintf(stderr, "cannot start %s: %s\n", options.program.c_str(), std::strerror(errno));
    ::_exit(7);
  }
  ::close(fds[1]);
  child.stderrFd = fds[0];
  child.running = child.pid > 0;
  return child.running
             ? Status::ok()
             : Status(Code::Io, std::string("cannot start a process: ") + std::strerror(errno));
}

void signalAll(const std::vector<Child> &children, int signal) {
  for (const Child &child : children)
    if (child.running)
      ::kill(child.pid, signal);
}

/// Exit code a scheduler can act on; a child ended by a signal counts as a lost peer.
int codeOf(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : exitCode(Code::PeerLost);
}

void drain(std::vector<Child> &children, Console &console, int timeoutMs) {
  std::vector<pollfd> fds;
  for (const Child &child : children)
    fds.push_back({child.stderrFd, POLLIN, 0});
  if (::poll(fds.data(), fds.size(), timeoutMs) <= 0)
    return;
  char buffer[16384];
  for (size_t i = 0; i < fds.size(); ++i) {
    if (!(fds[i].revents & (POLLIN | POLLHUP)))
      continue;
    const ssize_t n = ::read(children[i].stderrFd, buffer, sizeof buffer);
    if (n > 0) {
      console.take(children[i], buffer, static_cast<size_t>(n));
    } else {
      ::close(children[i].stderrFd);
      children[i].stderrFd = -1; // poll leaves it out
    }
  }
}

/// Reaps what has ended; the code of the first failure goes to `code`.
bool reap(std::vector<Child> &children, Console &console, int &code) {
  bool any = false;
  for (Child &child : children) {
    int status = 0;
    if (!child.running || ::waitpid(child.pid, &status, WNOHANG) != child.pid)
      continue;
    child.running = false;
    if (WIFSIGNALED(status)) {
      const std::string text = "ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
                               ::strsignal(WTERMSIG(status)) + ")\n";
      console.flush(child);
      console.take(child, text.data(), text.size());
    }
    if (code == 0)
      code = codeOf(status);
  }
  for (const Child &child : children)
    any = any || child.running || child.stderrFd >= 0;
  return any;
}

} // namespace

bool toldToEnd() { return interrupts + endSignals > 0; }

Result<int> launchLocal(const LaunchOptions &options) {
  OF_ASSIGN(const std::vector<uint16_t> ports, freePorts(options.nodeNames.size()));
  std::string peers;
  for (uint16_t port : ports)
    peers += (peers.empty() ? "" : ",") + std::string("127.0.0.1:") + std::to_string(port);

  for (const int signal : {SIGINT, SIGTERM, SIGUSR1})
    std::signal(signal, onSignal);
  std::vector<Child> children(options.nodeNames.size());
  for (uint32_t i = 0; i < children.size(); ++i) {
    children[i].name = options.nodeNames[i];
    if (const Status status = start(options, i, peers, children[i]); !status.isOk()) {
      signalAll(children, SIGKILL);
      return status;
    }
  }
  Console console(children.size() > 1);
  int code = 0;
  Clock::time_point failedAt;
  int forwarded = 0;
  while (reap(children, console, code)) {
    drain(children, console, 50);
    if (const int signals = interrupts + endSignals; signals > forwarded) {
      forwarded = signals;
      signalAll(children, SIGTERM); // they end early together; a second one is final
    }
    const bool ending = (code != 0 && code != kEndedEarly) || interrupts > 0;
    if (!ending)
      failedAt = Clock::now();
    else if (Clock::now() - failedAt > kGrace)
      signalAll(children, SIGKILL);
  }
  for (Child &child : children)
    console.flush(child);
  console.last();
  return code;
}

Status mergeTraces(const std::string &folder, uint32_t nodes) {
  const std::string path = folder + "/trace.json";
  std::ofstream out(path);
  out << "{\"traceEvents\":[";
  const char *separator = "\n";
  for (uint32_t n = 0; n < nodes; ++n) {
    // Each file has one event per line between a first and a last line of its own
    // (runtime/node/Trace.cpp).
    const std::string part = folder + "/trace-" + std::to_string(n) + ".json";
    std::ifstream in(part);
    for (std::string line; std::getline(in, line);) {
      if (line.compare(0, 8, "{\"name\":") != 0)
        continue;
      if (line.back() == ',')
        line.pop_back();
      out << separator << line;
      separator = ",\n";
    }
    in.close();
    std::filesystem::remove(part);
  }
  out << "\n]}\n";
  out.close();
  return out ? Status::ok() : Status(Code::Io, "cannot write " + path + "; is the disk full?");
}

} // namespace of::run
