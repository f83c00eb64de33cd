#include "tools/of-run/Measure.h"

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

Result<double> together(const WorkFactory &factory, uint32_t threads, uint32_t devices) {
  std::vector<std::unique_ptr<Work>> works;
  for (uint32_t d = 0; d < devices; ++d) {
    OF_ASSIGN(std::unique_ptr<Work> work, factory(threads));
    works.push_back(std::move(work));
  }
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
      seconds[d] = repeatOn(team, *works[d]);
    });
  for (std::thread &leader : leaders)
    leader.join();
  std::vector<double> all;
  for (const std::vector<double> &own : seconds)
    all.insert(all.end(), own.begin(), own.end());
  return quartileOf(all);
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

double tokenSeconds() {
  std::atomic<int> ball{0};
  constexpr int rounds = 2000;
  std::thread other([&] {
    for (int i = 0; i < rounds; ++i) {
      while (ball.load(std::memory_order_acquire) != 2 * i + 1)
        std::this_thread::yield();
      ball.store(2 * i + 2, std::memory_order_release);
    }
  });
  const auto start = Clock::now();
  for (int i = 0; i < rounds; ++i) {
    ball.store(2 * i + 1, std::memory_order_release);
    while (ball.load(std::memory_order_acquire) != 2 * i + 2)
      std::this_thread::yield();
  }
  const double seconds = secondsSince(start);
  other.join();
  return seconds / rounds / 2;
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
