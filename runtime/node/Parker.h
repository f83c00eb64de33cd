// Puts an idle worker to sleep and wakes it when a token comes.
//
// `park` belongs to the worker, `wake` to anyone. A wake-up between the worker's last look and its
// sleep may be missed; the sleep is bounded, so that costs time, never progress. The same bound
// lets sleeping workers look at the transport.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace of::rt {

class Parker {
public:
  void park(std::chrono::microseconds atMost) {
    std::unique_lock<std::mutex> lock(mutex_);
    parked_.store(true, std::memory_order_seq_cst);
    wake_.wait_for(lock, atMost);
    parked_.store(false, std::memory_order_relaxed);
  }
  void wake() {
    if (!parked_.load(std::memory_order_seq_cst))
      return;
    std::lock_guard<std::mutex> lock(mutex_);
    wake_.notify_one();
  }

private:
  std::atomic<bool> parked_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
};

} // namespace of::rt
