// Do the runs with faults find bugs? Each bug of planted.py is looked for in a process of its own,
// with seeds from the first on, until a run goes wrong.
//
//   planted-bugs [--runs N] [--share PERCENT]
//
// Fails if fewer bugs than that share are found within N runs each.
#include "test/sim/faults/Arguments.h"
#include "test/sim/faults/Judge.h"
#include "test/sim/faults/Planted.h"

#include <iostream>
#include <sys/wait.h>
#include <unistd.h>

using namespace of::test;

namespace {

constexpr unsigned kSecondsPerBug = 60;

struct Finding {
  uint64_t runs = 0; ///< 0: not found
  std::string what;
};

/// In the child: the first seed that goes wrong, over the pipe.
void look(uint64_t runs, int out) {
  std::unique_ptr<Ground> ground;
  for (uint64_t seed = 1; seed <= runs; ++seed) {
    dprintf(out, "%lu\n", static_cast<unsigned long>(seed)); // if it does not come back, that one
    if (!ground || seed % kSeedsPerGround == 0)
      ground = groundOf(seed);
    Scenario scenario;
    const std::string wrong = runSeed(*ground, seed, scenario);
    if (wrong.empty())
      continue;
    dprintf(out, "%s\n", wrong.substr(0, wrong.find('\n')).c_str());
    return;
  }
  dprintf(out, "-\n");
}

Finding lookFor(int bug, uint64_t runs) {
  int fds[2];
  if (pipe(fds) != 0)
    return {};
  const pid_t child = fork();
  if (child == 0) {
    close(fds[0]);
    alarm(kSecondsPerBug);
    planted::number = bug;
    look(runs, fds[1]);
    _exit(0);
  }
  close(fds[1]);
  Finding out;
  std::string line, last;
  for (char c; read(fds[0], &c, 1) == 1;) {
    if (c != '\n') {
      line += c;
      continue;
    }
    last = line;
    line.clear();
    if (!last.empty() && last.find_first_not_of("0123456789") == std::string::npos)
      out.runs = std::stoull(last);
    else
      out.what = last;
  }
  close(fds[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status))
    out.what = "ended by signal " + std::to_string(WTERMSIG(status));
  if (out.what == "-")
    out.runs = 0;
  return out;
}

} // namespace

int main(int argc, char **argv) {
  const uint64_t runs = numberOf(argc, argv, "--runs", 6'000);
  const uint64_t share = numberOf(argc, argv, "--share", 95);
  uint64_t found = 0;
  if (lookFor(0, runs / 5).runs != 0) {
    std::cout << "runs go wrong without any planted bug; see fault-runs\n";
    return 1;
  }
  for (size_t i = 0; i < planted::names.size(); ++i) {
    const Finding finding = lookFor(static_cast<int>(i + 1), runs);
    found += finding.runs != 0 ? 1 : 0;
    std::cout << i + 1 << ". " << planted::names[i] << ": "
              << (finding.runs == 0 ? "NOT FOUND" : "run " + std::to_string(finding.runs) + ", ")
              << (finding.runs == 0 ? "" : finding.what) << std::endl;
  }
  std::cout << found << " of " << planted::names.size() << " found\n";
  return found * 100 >= share * planted::names.size() ? 0 : 1;
}
