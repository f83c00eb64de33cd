#include "runtime/node/RunControl.h"

#include <algorithm>

namespace of::rt {

void RunControl::fail(const Status &status) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!error_.isOk())
      return;
    error_ = status;
  }
  onFail(status);
  stop();
}

Status RunControl::error() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return error_;
}

void RunControl::askHalt() {
  std::lock_guard<std::mutex> lock(mutex_); // what promise() has seen of it is decided
  haltAsked_.store(true);
}

void RunControl::promise(uint64_t step) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    promised_ = std::max(promised_, step);
    if (++promises_ != workers_ || !haltAsked_.load())
      return;
    step = promised_;
  }
  onPromise(step);
}

void RunControl::haltAt(Halt halt) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (haltOwner_)
    return;
  haltOwner_ = std::make_unique<const Halt>(std::move(halt));
  halt_.store(haltOwner_.get(), std::memory_order_release);
}

bool RunControl::arrive(const ProgramEntry &entry) {
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 != workers_)
    return false;
  onProgramEnd(entry);
  arrived_.store(0, std::memory_order_relaxed);
  ended_.fetch_add(1, std::memory_order_release);
  return true;
}

} // namespace of::rt
