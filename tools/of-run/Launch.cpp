#include "tools/of-run/Launch.h"

#include "tools/of-run/Console.h"
#include "tools/of-run/Rendezvous.h"
#include "tools/of-run/RunNode.h"

#include "runtime/node/control/Steady.h"

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
  bool running = false;
};

/// A port that is free now.
Result<uint16_t> freePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool found = fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr *>(&address), length) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr *>(&address), &length) == 0;
  const int error = errno;
  if (fd >= 0)
    ::close(fd);
  if (!found)
    return Status(Code::Io,
                  std::string("cannot find a free port on this machine: ") + std::strerror(error));
  return ntohs(address.sin_port);
}

std::string hostName() {
  char name[256] = "";
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] ? name : "localhost";
}

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
    ::setenv(kTokenVariable, options.token.c_str(), 1);
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
      console.take(static_cast<uint32_t>(i), std::string(buffer, static_cast<size_t>(n)),
                   rt::nowMs());
    } else {
      ::close(children[i].stderrFd);
      children[i].stderrFd = -1; // poll leaves it out
    }
  }
}

/// Reaps what has ended; the code of the first failure goes to `end`.
bool reap(std::vector<Child> &children, Console &console, LaunchEnd &end) {
  bool any = false;
  for (uint32_t i = 0; i < children.size(); ++i) {
    int status = 0;
    if (!children[i].running || ::waitpid(children[i].pid, &status, WNOHANG) != children[i].pid)
      continue;
    children[i].running = false;
    if (WIFSIGNALED(status)) {
      ++end.killed;
      console.endLine(i, rt::nowMs());
      console.take(i,
                   "ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
                       ::strsignal(WTERMSIG(status)) + ")\n",
                   rt::nowMs());
    }
    if (end.code == 0)
      end.code = codeOf(status);
  }
  for (const Child &child : children)
    any = any || child.running || child.stderrFd >= 0;
  return any;
}

} // namespace

bool toldToEnd() { return interrupts + endSignals > 0; }

Result<LaunchEnd> launchLocal(const LaunchOptions &options) {
  // Node 0 tells the others where it is; they listen where there is room.
  OF_ASSIGN(const uint16_t port, freePort());
  std::string peers = "127.0.0.1:" + std::to_string(port);
  for (uint32_t i = 1; i < options.nodes; ++i)
    peers += ",127.0.0.1:0";

  for (const int signal : {SIGINT, SIGTERM, SIGUSR1})
    std::signal(signal, onSignal);
  std::vector<Child> children(options.nodes);
  for (uint32_t i = 0; i < children.size(); ++i)
    if (const Status status = start(options, i, peers, children[i]); !status.isOk()) {
      signalAll(children, SIGKILL);
      return status;
    }
  Console console(options.nodes, options.nodes > 1 ? hostName() : "", [](const std::string &text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
  });
  LaunchEnd end;
  Clock::time_point failedAt;
  int forwarded = 0;
  while (reap(children, console, end)) {
    drain(children, console, 50);
    console.tick(rt::nowMs());
    if (const int signals = interrupts + endSignals; signals > forwarded) {
      forwarded = signals;
      signalAll(children, SIGTERM); // they end early together; a second one is final
    }
    const bool ending = (end.code != 0 && end.code != kEndedEarly) || interrupts > 0;
    if (!ending)
      failedAt = Clock::now();
    else if (Clock::now() - failedAt > kGrace)
      signalAll(children, SIGKILL);
  }
  console.finish();
  return end;
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
