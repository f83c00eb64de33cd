#include "tools/of-run/Measure.h"

#include "runtime/node/Backoff.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

namespace of::run {

namespace {

using Clock = std::chrono::steady_clock;

/// How long one piece of work is repeated, and how often at least.
constexpr double repeatSeconds = 0.2;
constexpr size_t leastRepeats = 20;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Times of runs in a row; the first, which warms caches up, does not count.
std::vector<double> repeat(const std::function<void()> &work) {
  work();
  std::vector<double> out;
  const auto start = Clock::now();
  while (secondsSince(start) < repeatSeconds || out.size() < leastRepeats) {
    const auto begin = Clock::now();
    work();
    out.push_back(secondsSince(begin));
  }
  return out;
}

/// A quarter of the runs were faster.
double quartileOf(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 4];
}

std::vector<double> repeatOn(rt::TileTeam &team, Work &work) {
  team.open();
  std::vector<double> out = repeat([&] { work.run(team); });
  team.close();
  return out;
}

} // namespace

Work::~Work() = default;

Result<double> alone(const WorkFactory &factory, uint32_t threads) {
  OF_ASSIGN(const std::unique_ptr<Work> work, factory(threads));
  rt::TileTeam team(threads, true, rt::setFloatingPointModes);
  return quartileOf(repeatOn(team, *work));
}

static Result<std::vector<std::unique_ptr<Work>>> worksOf(const WorkFactory &factory,
                                                          uint32_t threads, uint32_t devices) {
  std::vector<std::unique_ptr<Work>> works;
  for (uint32_t d = 0; d < devices; ++d) {
    OF_ASSIGN(std::unique_ptr<Work> work, factory(threads));
    works.push_back(std::move(work));
  }
  return works;
}

/// What fn(device, team) measures on each, begun on all at once.
template <typename Fn>
static std::vector<double> onAllDevices(uint32_t threads, uint32_t devices, Fn fn) {
  std::vector<std::vector<double>> seconds(devices);
  std::atomic<uint32_t> ready{0};
  std::vector<std::thread> leaders;
  for (uint32_t d = 0; d < devices; ++d)
    leaders.emplace_back([&, d] {
      rt::setFloatingPointModes();
      rt::TileTeam team(threads, true, rt::setFloatingPointModes);
      ready.fetch_add(1);
      while (ready.load() < devices)
        std::this_thread::yield();
      seconds[d] = fn(d, team);
    });
  for (std::thread &leader : leaders)
    leader.join();
  std::vector<double> all;
  for (const std::vector<double> &own : seconds)
    all.insert(all.end(), own.begin(), own.end());
  return all;
}

Result<double> together(const WorkFactory &factory, uint32_t threads, uint32_t devices) {
  OF_ASSIGN(const std::vector<std::unique_ptr<Work>> works, worksOf(factory, threads, devices));
  return quartileOf(onAllDevices(
      threads, devices, [&](uint32_t d, rt::TileTeam &team) { return repeatOn(team, *works[d]); }));
}

namespace {

/// How often devices wait for each other in what counts as one measurement: a step has a few such
/// waits, and seldom more than one that something interrupts.
constexpr size_t waitsOfStep = 8, steps = 500;

/// Who has come how far.
class Meeting {
public:
  explicit Meeting(uint32_t devices) : reached_(devices) {}

  /// Until all others have come here too.
  void await(uint32_t device, uint64_t round, rt::Backoff &backoff) {
    reached_[device].at.store(round, std::memory_order_release);
    for (const Place &other : reached_)
      for (uint32_t looks = 1; other.at.load(std::memory_order_acquire) < round; ++looks)
        pause(backoff, looks);
  }

private:
  struct alignas(64) Place {
    std::atomic<uint64_t> at{0};
  };
  static void pause(rt::Backoff &backoff, uint32_t looks) {
    const rt::Backoff::Pause how = backoff.after(looks);
    if (how == rt::Backoff::Pause::Relax)
      rt::relaxCpu();
    if (how == rt::Backoff::Pause::None || how == rt::Backoff::Pause::Relax)
      return;
    const auto begin = Clock::now();
    std::this_thread::yield();
    backoff.noteYield(static_cast<int64_t>(1e9 * secondsSince(begin)));
  }

  std::vector<Place> reached_;
};

/// Means of the waits of each step. First everyone works without waiting: threads that begin on one
/// core are moved apart meanwhile.
std::vector<double> waitsOf(uint32_t device, Meeting &meeting, rt::TileTeam &team, Work &work,
                            bool mayShareCore) {
  repeatOn(team, work);
  rt::Backoff backoff(mayShareCore, 1);
  std::vector<double> out;
  uint64_t round = 0;
  for (size_t step = 0; step < steps; ++step) {
    double waited = 0;
    for (size_t i = 0; i < waitsOfStep; ++i) {
      team.open();
      work.run(team);
      team.close();
      const auto begin = Clock::now();
      meeting.await(device, ++round, backoff);
      waited += secondsSince(begin);
    }
    out.push_back(waited / waitsOfStep);
  }
  return out;
}

} // namespace

Result<double> handOverSeconds(const WorkFactory &factory, uint32_t threads, uint32_t devices) {
  OF_ASSIGN(const std::vector<std::unique_ptr<Work>> works, worksOf(factory, threads, devices));
  Meeting meeting(devices);
  const bool mayShareCore = devices * threads > std::thread::hardware_concurrency();
  std::vector<double> all = onAllDevices(threads, devices, [&](uint32_t d, rt::TileTeam &team) {
    return waitsOf(d, meeting, team, *works[d], mayShareCore);
  });
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

double fetchSeconds(size_t bytes) {
  std::vector<char> from(bytes), to(bytes, 1);
  std::atomic<int> turn{0};
  constexpr int rounds = 9;
  std::thread writer([&] {
    for (int i = 0; i < rounds; ++i) {
      while (turn.load(std::memory_order_acquire) != 2 * i)
        std::this_thread::yield();
      std::memset(from.data(), i, bytes);
      turn.store(2 * i + 1, std::memory_order_release);
    }
  });
  double least = 1e30;
  for (int i = 0; i < rounds; ++i) {
    while (turn.load(std::memory_order_acquire) != 2 * i + 1)
      std::this_thread::yield();
    const auto begin = Clock::now();
    std::memcpy(to.data(), from.data(), bytes);
    least = std::min(least, secondsSince(begin));
    turn.store(2 * i + 2, std::memory_order_release);
  }
  writer.join();
  return least;
}

double diskRate(const std::string &folder) {
  constexpr size_t bytes = size_t(64) << 20, piece = size_t(1) << 20;
  std::string name = folder + "/.of-probe-XXXXXX";
  const int file = ::mkstemp(name.data());
  if (file < 0)
    return 0;
  ::unlink(name.c_str());
  std::vector<char> buffer(piece, 7);
  bool good = true;
  for (size_t done = 0; good && done < bytes; done += piece)
    good = ::write(file, buffer.data(), piece) == static_cast<ssize_t>(piece);
  good = good && ::fdatasync(file) == 0 && ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0 &&
         ::lseek(file, 0, SEEK_SET) == 0;
  const auto begin = Clock::now();
  for (size_t done = 0; good && done < bytes; done += piece)
    good = ::read(file, buffer.data(), piece) == static_cast<ssize_t>(piece);
  const double seconds = secondsSince(begin);
  ::close(file);
  return good ? bytes / seconds : 0;
}

} // namespace of::run
