// The k threads of a CPU device: a leader (the compute worker itself) and k - 1 helpers.
//
// The leader runs the tiles of a call as a static list: thread i takes tiles [T*i/k, T*(i+1)/k), so
// the same tile always runs on the same thread. Helpers spin while a segment is open and park
// between segments: waking costs tens of microseconds, so never inside one.
//
//   helper:  parked ──open()──▶ spinning ──run()──▶ tiles ──▶ spinning ──close()──▶ parked (after a
//   short spin)
//
// open, run and close belong to the leader's thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace of::rt {

class TileTeam {
public:
  using TileFn = void (*)(void *context, int64_t begin, int64_t end);

  /// `maySpin` false: helpers give their time slice away while they wait (more workers than cores
  /// on this host).
  TileTeam(uint32_t threads, bool maySpin, std::function<void()> onThreadStart);
  ~TileTeam();
  TileTeam(const TileTeam &) = delete;
  TileTeam &operator=(const TileTeam &) = delete;

  void open();
  void close();
  /// Runs fn over [0, tiles) and returns when all tiles are done. Needs an open segment if there
  /// are helpers.
  void run(TileFn fn, void *context, int64_t tiles);

private:
  struct Job {
    TileFn fn = nullptr;
    void *context = nullptr;
    int64_t tiles = 0;
  };
  void helperLoop(uint32_t index);
  uint64_t awaitJob(uint64_t seen);
  void runShare(uint32_t index) const;

  const uint32_t threads_;
  const bool maySpin_;
  Job job_;
  alignas(64) std::atomic<uint64_t> epoch_{0}; ///< one more for each job
  alignas(64) std::atomic<uint32_t> pending_{0};
  alignas(64) std::atomic<bool> open_{false};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> helpers_;
};

/// Round to nearest, denormals kept: the floating-point modes under which every kernel runs.
void setFloatingPointModes();

/// Tells the core that this thread spins.
void relaxCpu();

} // namespace of::rt
