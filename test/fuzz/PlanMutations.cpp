// plan-mutations PLAN [--data FOLDER] [--check-only] [--every N] [--only TEXT] [--show]
//
// Changes every field of a plan, one at a time, under a correct digest. Each change must end in an
// error or in a run that stays in its memory: a crash, a report of a sanitizer or a hang is a
// failure. Chunks lie between guard pages; the presets asan and fuzz see more.
//
//   parent ── forks ──▶ child: changes, one after the other, its place in shared memory
//     ▲                   │ crash or silence
//     └── notes it, forks another that goes on behind it
//
// --every N takes every N-th change, --only those whose place holds a text, --show prints each.
#include "runtime/schema/PlanFile.h"
#include "test/fuzz/PlanFields.h"
#include "test/fuzz/PlanRun.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using of::fuzz::PlanEnd;

namespace {

constexpr int kSilentMs = 20'000;
constexpr int kMostFailures = 40;

struct Options {
  std::string plan, data = ".", only;
  bool checkOnly = false, show = false;
  uint64_t every = 1;
};

/// What a child leaves behind.
struct Progress {
  uint64_t next = 0; ///< the change that it works on
  uint64_t ends[5] = {};
  char what[512] = "";
  bool done = false;
};

std::vector<uint8_t> contentOf(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool parse(int argc, char **argv, Options &options) {
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    if (arg == "--data")
      options.data = value();
    else if (arg == "--only")
      options.only = value();
    else if (arg == "--every")
      options.every = std::strtoull(value().c_str(), nullptr, 10);
    else if (arg == "--check-only")
      options.checkOnly = true;
    else if (arg == "--show")
      options.show = true;
    else if (options.plan.empty() && arg[0] != '-')
      options.plan = arg;
    else
      return false;
  }
  return !options.plan.empty() && options.every > 0;
}

/// The plan's buffer with every scalar written out, so that each can be changed in place.
bool loadBuffer(const std::string &path, std::vector<uint8_t> &buffer) {
  const auto file = of::rt::PlanFile::open(path);
  if (!file) {
    std::fprintf(stderr, "%s\n", file.status().message().c_str());
    return false;
  }
  flatbuffers::FlatBufferBuilder builder;
  builder.ForceDefaults(true);
  const std::unique_ptr<of::plan::PlanT> plan(file->plan().UnPack());
  of::plan::FinishPlanBuffer(builder, of::plan::Plan::Pack(builder, plan.get()));
  buffer.assign(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  return true;
}

void work(const Options &options, const std::vector<uint8_t> &buffer, Progress &progress) {
  const uint64_t first = progress.next;
  uint64_t index = 0;
  of::fuzz::changeEachField(
      contentOf(OF_PLAN_SCHEMA), buffer,
      [&](const std::string &what, const std::vector<uint8_t> &changed) {
        const uint64_t own = index++;
        if (own < first || own % options.every != 0 || what.find(options.only) == std::string::npos)
          return;
        std::strncpy(progress.what, what.c_str(), sizeof progress.what - 1);
        progress.next = own;
        const of::fuzz::PlanRun run = options.checkOnly ? of::fuzz::checkPlan(changed)
                                                        : of::fuzz::runPlan(changed, options.data);
        ++progress.ends[static_cast<size_t>(run.end)];
        if (options.show)
          std::printf("%s: %s %s\n", what.c_str(),
                      of::fuzz::kPlanEndNames[static_cast<size_t>(run.end)], run.message.c_str());
      });
  progress.done = true;
}

/// Why the child ended early, or "" if it did all.
std::string watch(pid_t child, const Progress &progress) {
  uint64_t at = progress.next;
  int silentMs = 0, status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    ::usleep(20'000);
    silentMs = progress.next == at ? silentMs + 20 : 0;
    at = progress.next;
    if (silentMs > kSilentMs) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      return "hangs";
    }
  }
  if (WIFSIGNALED(status))
    return std::string("ends by ") + ::strsignal(WTERMSIG(status));
  return progress.done && WEXITSTATUS(status) == 0
             ? ""
             : "ends with exit code " + std::to_string(WEXITSTATUS(status));
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  std::vector<uint8_t> buffer;
  if (!parse(argc, argv, options)) {
    std::fprintf(stderr, "usage: plan-mutations PLAN [--data FOLDER] [--check-only] [--every N] "
                         "[--only TEXT] [--show]\n");
    return 2;
  }
  if (!loadBuffer(options.plan, buffer))
    return 2;
  auto *progress = new (::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Progress;
  int failures = 0;
  while (!progress->done && failures < kMostFailures) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
      work(options, buffer, *progress);
      std::fflush(nullptr);
      ::_exit(0);
    }
    const std::string why = watch(child, *progress);
    if (why.empty())
      break;
    std::printf("FAIL %s: %s\n", progress->what, why.c_str());
    ++failures;
    ++progress->next;
  }
  uint64_t all = static_cast<uint64_t>(failures);
  for (const uint64_t count : progress->ends)
    all += count;
  std::printf("%lu changes:", static_cast<unsigned long>(all));
  for (size_t i = 0; i < 5; ++i)
    std::printf(" %lu %s,", static_cast<unsigned long>(progress->ends[i]),
                of::fuzz::kPlanEndNames[i]);
  std::printf(" %d broke it%s\n", failures, progress->done ? "" : "; stopped here");
  return failures > 0 || all == 0 ? 1 : 0;
}
