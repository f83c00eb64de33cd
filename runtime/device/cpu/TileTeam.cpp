#include "runtime/device/cpu/TileTeam.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace of::rt {

namespace {
/// Spins before a helper parks once its segment is closed: about as long as the gap between two
/// segments.
constexpr int kSpinsBeforePark = 2000;
} // namespace

void setFloatingPointModes() {
#if defined(__x86_64__)
  _mm_setcsr(0x1f80); // all exceptions masked, nearest, FTZ and DAZ off
#endif
}

void relaxCpu() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

TileTeam::TileTeam(uint32_t threads, bool maySpin, std::function<void()> onThreadStart)
    : threads_(threads), maySpin_(maySpin) {
  for (uint32_t i = 1; i < threads; ++i)
    helpers_.emplace_back([this, i, onThreadStart] {
      onThreadStart();
      helperLoop(i);
    });
}

TileTeam::~TileTeam() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread &helper : helpers_)
    helper.join();
}

void TileTeam::open() {
  if (threads_ == 1)
    return;
  {
    std::lock_guard<std::mutex> lock(mutex_); // a helper that is about to park must not miss this
    open_.store(true, std::memory_order_release);
  }
  wake_.notify_all();
}

void TileTeam::close() { open_.store(false, std::memory_order_release); }

void TileTeam::runShare(uint32_t index) const {
  const int64_t begin = job_.tiles * index / threads_, end = job_.tiles * (index + 1) / threads_;
  if (begin < end)
    job_.fn(job_.context, begin, end);
}

void TileTeam::run(TileFn fn, void *context, int64_t tiles) {
  if (threads_ == 1 || tiles == 1) {
    fn(context, 0, tiles);
    return;
  }
  job_ = {fn, context, tiles};
  pending_.store(threads_ - 1, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  runShare(0);
  while (pending_.load(std::memory_order_acquire) != 0) {
    if (maySpin_)
      relaxCpu();
    else
      std::this_thread::yield();
  }
}

uint64_t TileTeam::awaitJob(uint64_t seen) {
  for (int spins = 0; !stop_.load(std::memory_order_relaxed);) {
    const uint64_t epoch = epoch_.load(std::memory_order_acquire);
    if (epoch != seen)
      return epoch;
    if (maySpin_)
      relaxCpu();
    else
      std::this_thread::yield();
    if (open_.load(std::memory_order_acquire)) {
      spins = 0;
    } else if (++spins > kSpinsBeforePark || !maySpin_) {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [&] { return stop_ || open_; });
      spins = 0;
    }
  }
  return seen;
}

void TileTeam::helperLoop(uint32_t index) {
  uint64_t seen = 0;
  while (true) {
    const uint64_t epoch = awaitJob(seen);
    if (epoch == seen)
      return;
    seen = epoch;
    runShare(index);
    pending_.fetch_sub(1, std::memory_order_release);
  }
}

} // namespace of::rt
