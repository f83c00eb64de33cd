#include "tools/of-run/Probe.h"

#include "runtime/base/DType.h"
#include "runtime/device/cpu/TileTeam.h"
#include "runtime/kernel/Library.h"
#include "runtime/kernel/Loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>
#include <unistd.h>

namespace of::run {

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Shortest time of one call of `work` among those that fit into about 0.3 s; others use the
/// machine too.
double bestSeconds(const std::function<void()> &work) {
  work();
  double best = 1e30;
  const auto start = Clock::now();
  do {
    const auto begin = Clock::now();
    work();
    best = std::min(best, secondsSince(begin));
  } while (secondsSince(start) < 0.3);
  return best;
}

/// A library call as a plan would hold it.
class LibraryCall {
public:
  explicit LibraryCall(const plan::LibraryT &call) {
    builder_.Finish(plan::Library::Pack(builder_, &call));
    table_ = flatbuffers::GetRoot<plan::Library>(builder_.GetBufferPointer());
  }
  const plan::Library &operator*() const { return *table_; }

private:
  flatbuffers::FlatBufferBuilder builder_;
  const plan::Library *table_;
};

/// GFLOP/s of a large matrix product on a device of `threads` threads.
Result<double> matmulRate(plan::DType dtype, uint32_t threads) {
  constexpr int64_t n = 768;
  plan::LibraryT call;
  call.name = "matmul";
  call.dtype = dtype;
  call.ints = {1, n, n, n, 0, 0, n * n, n * n, n * n};
  const LibraryCall library(call);
  const size_t bytes = static_cast<size_t>(n * n) * (dtype == plan::DType::F64 ? 8 : 4);
  std::vector<std::byte> a(bytes), b(bytes), c(bytes);
  const int64_t tiles = std::min<int64_t>(threads, rt::maxTiles(*library));
  OF_ASSIGN(std::unique_ptr<rt::Routine> routine,
            rt::makeRoutine(*library, tiles, {bytes, bytes, bytes}));
  rt::TileTeam team(threads, true, rt::setFloatingPointModes);
  struct Job {
    rt::Routine *routine;
    void *buffers[3];
  } job{routine.get(), {a.data(), b.data(), c.data()}};
  team.open();
  const double seconds = bestSeconds([&] {
    team.run(
        [](void *context, int64_t begin, int64_t end) {
          Job &j = *static_cast<Job *>(context);
          j.routine->run(j.buffers, nullptr, begin, end);
        },
        &job, tiles);
  });
  team.close();
  return 2.0 * n * n * n / seconds / 1e9;
}

/// GB/s read and written by a copy that does not fit into caches.
double copyRate(uint32_t threads) {
  constexpr size_t bytes = size_t(96) << 20;
  std::vector<char> from(bytes, 1), to(bytes, 2);
  rt::TileTeam team(threads, true, rt::setFloatingPointModes);
  struct Job {
    char *from, *to;
    size_t share;
  } job{from.data(), to.data(), bytes / threads};
  team.open();
  const double seconds = bestSeconds([&] {
    team.run(
        [](void *context, int64_t begin, int64_t end) {
          Job &j = *static_cast<Job *>(context);
          for (int64_t t = begin; t < end; ++t)
            std::memcpy(j.to + static_cast<size_t>(t) * j.share,
                        j.from + static_cast<size_t>(t) * j.share, j.share);
        },
        &job, threads);
  });
  team.close();
  return 2.0 * static_cast<double>(bytes) / seconds / 1e9;
}

/// Microseconds a token takes from one thread to another.
double tokenMicroseconds() {
  std::atomic<int> ball{0};
  constexpr int kRounds = 2000;
  std::thread other([&] {
    for (int i = 0; i < kRounds; ++i) {
      while (ball.load(std::memory_order_acquire) != 2 * i + 1)
        std::this_thread::yield();
      ball.store(2 * i + 2, std::memory_order_release);
    }
  });
  const auto start = Clock::now();
  for (int i = 0; i < kRounds; ++i) {
    ball.store(2 * i + 1, std::memory_order_release);
    while (ball.load(std::memory_order_acquire) != 2 * i + 2)
      std::this_thread::yield();
  }
  const double seconds = secondsSince(start);
  other.join();
  return seconds / kRounds / 2 * 1e6;
}

/// Microseconds to hand an empty kernel to a device's threads.
double launchMicroseconds(uint32_t threads) {
  rt::TileTeam team(threads, true, rt::setFloatingPointModes);
  team.open();
  const double seconds = bestSeconds([&] {
    for (int i = 0; i < 1000; ++i)
      team.run([](void *, int64_t, int64_t) {}, nullptr, threads);
  });
  team.close();
  return seconds / 1000 * 1e6;
}

std::string bestIsa() {
  for (const char *isa : {"x86-64-v4", "x86-64-v3"})
    if (rt::cpuSupports(isa))
      return isa;
  return "x86-64-v2";
}

std::string hostName() {
  char name[256] = "host";
  ::gethostname(name, sizeof name - 1);
  return name;
}

} // namespace

Status probeCluster(const ProbeOptions &options) {
  const uint32_t cores = std::max(1u, std::thread::hardware_concurrency());
  const uint32_t devices = options.nodes * options.devices;
  const uint32_t threads = options.threads ? options.threads : std::max(1u, cores / devices);
  OF_ASSIGN(const double f32, matmulRate(plan::DType::F32, threads));
  OF_ASSIGN(const double f64, matmulRate(plan::DType::F64, threads));
  const double copy = copyRate(threads), token = tokenMicroseconds(),
               launch = launchMicroseconds(threads);
  const uint64_t memory = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                          static_cast<uint64_t>(::sysconf(_SC_PAGE_SIZE)) / devices;

  std::string text = "# Measured by of-run probe on this host.\nnodes:\n";
  for (uint32_t n = 0; n < options.nodes; ++n) {
    text += fmt::format("  - name: n{}\n    host: {}\n    devices:\n", n, hostName());
    for (uint32_t d = 0; d < options.devices; ++d)
      text += fmt::format(
          "      - kind: cpu\n        threads: {}\n        isa: {}\n        memory: {}MiB\n"
          "        gflops_f32: {:.1f}\n        gflops_f64: {:.1f}\n        memory_gb_per_s: "
          "{:.1f}\n"
          "        launch_us: {:.2f}\n",
          threads, bestIsa(), memory >> 20, f32, f64, copy, launch);
  }
  if (options.nodes > 1) {
    text += fmt::format(
        "resources:\n  - name: memory\n    gb_per_s: {:.1f}\n    latency_us: {:.2f}\npaths:\n",
        copy / 2, token);
    for (uint32_t a = 0; a < options.nodes; ++a)
      for (uint32_t b = a + 1; b < options.nodes; ++b)
        text += fmt::format("  - from: n{}\n    to: n{}\n    over: [memory]\n", a, b);
  }
  if (options.out == "-") {
    std::cout << text;
    return Status::ok();
  }
  std::ofstream file(options.out);
  file << text;
  file.close();
  return file ? Status::ok() : Status(Code::Io, "cannot write " + options.out);
}

Status probeScratch(std::istream &in, std::ostream &out) {
  const nlohmann::json calls = nlohmann::json::parse(in, nullptr, false);
  if (!calls.is_array())
    return Status(Code::InvalidArgument, "stdin holds no JSON list of library calls");
  nlohmann::json answer = nlohmann::json::array();
  for (size_t i = 0; i < calls.size(); ++i) {
    const nlohmann::json &entry = calls[i];
    plan::LibraryT call;
    int64_t tiles = 1;
    try {
      call.name = entry.at("name").get<std::string>();
      const std::string dtype = entry.value("dtype", "f32");
      bool known = false;
      for (uint8_t d = 0; d <= static_cast<uint8_t>(DType::Bool); ++d)
        if (nameOf(static_cast<DType>(d)) == dtype) {
          call.dtype = static_cast<plan::DType>(d);
          known = true;
        }
      if (!known)
        return Status(Code::InvalidArgument, fmt::format("call {}: '{}' is no dtype", i, dtype));
      call.ints = entry.value("ints", std::vector<int64_t>());
      call.floats = entry.value("floats", std::vector<double>());
      tiles = entry.value("tiles", int64_t(1));
    } catch (const nlohmann::json::exception &error) {
      return Status(Code::InvalidArgument, fmt::format("call {}: {}", i, error.what()));
    }
    const LibraryCall library(call);
    auto bytes = rt::scratchBytes(*library, tiles);
    if (!bytes.isOk())
      return bytes.status().withContext(fmt::format("call {}", i));
    answer.push_back(*bytes);
  }
  nlohmann::json versions = nlohmann::json::object();
  for (const auto &[name, version] : rt::libraryVersions())
    versions[name] = version;
  out << nlohmann::json{{"scratch", answer}, {"libraries", versions}}.dump() << "\n";
  return Status::ok();
}

} // namespace of::run
