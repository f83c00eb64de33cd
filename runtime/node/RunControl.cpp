#include "runtime/node/RunControl.h"

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

void RunControl::arrive(const ProgramEntry &entry) {
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 != workers_)
    return;
  onProgramEnd(entry);
  arrived_.store(0, std::memory_order_relaxed);
  ended_.fetch_add(1, std::memory_order_release);
}

} // namespace of::rt
