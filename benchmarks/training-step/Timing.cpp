#include "benchmarks/training-step/Timing.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <numeric>
#include <omp.h>
#include <thread>

namespace of::bench {

namespace {

/// Of this thread on a processor.
double threadSeconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double wallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// At least so often, and then so long.
constexpr int leastRepeats = 4;
constexpr double repeatSeconds = 0.03;
/// Shorter work is done several times in a row: threads do not begin within a microsecond.
constexpr double leastSeconds = 2e-4;

void makeCold(const Work &work) {
  constexpr size_t line = 64;
  for (const ColdBytes &cold : work.cold)
    for (size_t at = 0; at < cold.bytes; at += line)
      __builtin_ia32_clflush(static_cast<const char *>(cold.data) + at);
  __builtin_ia32_mfence();
}

/// All threads meet, again and again.
class Meeting {
public:
  explicit Meeting(int threads) : threads_(threads) {}
  void arrive() {
    const int round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
    }
    while (round_.load(std::memory_order_acquire) == round)
      std::this_thread::yield();
  }

private:
  const int threads_;
  std::atomic<int> arrived_{0}, round_{0};
};

double timed(double (*clock)(), const Work &work, int times) {
  makeCold(work);
  const double begin = clock();
  for (int i = 0; i < times; ++i)
    work.run();
  return (clock() - begin) / times;
}

/// Times to run in a row. What a run makes warm may not be run again.
int timesInARow(const Work &work) {
  const double once = timed(threadSeconds, work, 1);
  return work.cold.empty() ? std::max(1, static_cast<int>(leastSeconds / (once + 1e-9))) : 1;
}

struct Together {
  explicit Together(int threads) : meeting(threads), seconds(static_cast<size_t>(threads)) {}
  Meeting meeting;
  std::vector<double> seconds; ///< of each thread's last run
  std::atomic<int> times{1};
  std::atomic<bool> able{true}, goesOn{true};
  double best = 1e30;
};

void runThread(Together &all, size_t self, const MakeWork &make) {
  omp_set_num_threads(1);
  const Work work = make();
  if (!work.run)
    all.able = false;
  all.meeting.arrive();
  if (!all.able)
    return;
  work.run(); // caches, pages
  if (self == 0)
    all.times = timesInARow(work);
  const double start = wallSeconds();
  for (int i = 0; all.goesOn; ++i) {
    makeCold(work);
    all.meeting.arrive();
    all.seconds[self] = timed(threadSeconds, work, all.times);
    all.meeting.arrive();
    if (self == 0) {
      const double sum = std::accumulate(all.seconds.begin(), all.seconds.end(), 0.0);
      all.best = std::min(all.best, sum / static_cast<double>(all.seconds.size()));
      all.goesOn = i + 1 < leastRepeats || wallSeconds() - start < repeatSeconds;
    }
    all.meeting.arrive();
  }
}

} // namespace

double fastestTogether(int threads, const MakeWork &make) {
  Together all(threads);
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i)
    others.emplace_back([&all, &make, i] { runThread(all, static_cast<size_t>(i), make); });
  runThread(all, 0, make);
  for (std::thread &other : others)
    other.join();
  return all.able ? all.best : 0;
}

double fastestByWall(const MakeWork &make) {
  const Work work = make();
  if (!work.run)
    return 0;
  work.run();
  double best = 1e30;
  const double start = wallSeconds();
  for (int i = 0; i < leastRepeats || wallSeconds() - start < repeatSeconds; ++i)
    best = std::min(best, timed(wallSeconds, work, 1));
  return best;
}

} // namespace of::bench
