// A bounded queue in memory that someone else owns: of this process, or mapped by two.
//
// One producer at a time, one consumer at a time, each with a Ring of its own over the same zeroed
// memory; lock-free and without addresses, so the two may live in different processes.
//
//   memory:  consumer's position | cell | cell | ...
//
// A cell holds a value and the turn that it is of, so what the consumer waits for and what it then
// reads lie in one cache line: a value costs one transfer between cores. The consumer's position is
// looked at only when the ring seems full.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace of::rt {

template <typename T> class Ring {
  static_assert(std::is_trivially_copyable_v<T>, "another process reads it");
  static constexpr size_t kLine = 64;
  static constexpr size_t kPayload = sizeof(T) + sizeof(std::atomic<uint32_t>);
  /// Cells do not straddle lines.
  static constexpr size_t kCell = kPayload <= 32 ? 32 : kLine;
  static_assert(kPayload <= kLine, "a value and its turn share a line");

public:
  Ring() = default;
  /// Over `bytesFor(capacity)` bytes at a multiple of 64 that were zero when the first Ring was
  /// made over them.
  Ring(std::byte *memory, uint32_t capacity)
      : head_(reinterpret_cast<std::atomic<uint32_t> *>(memory)),
        cells_(reinterpret_cast<Cell *>(memory + kLine)), mask_(sizeFor(capacity) - 1) {}

  static size_t bytesFor(uint32_t capacity) { return kLine + sizeFor(capacity) * kCell; }

  /// The producer's. False if full.
  bool push(const T &value) {
    if (tail_ - headSeen_ > mask_) {
      headSeen_ = head_->load(std::memory_order_acquire);
      if (tail_ - headSeen_ > mask_)
        return false;
    }
    Cell &cell = cells_[tail_ & mask_];
    cell.value = value;
    cell.turn.store(++tail_, std::memory_order_release);
    return true;
  }

  /// The consumer's. False if empty.
  bool pop(T &value) {
    const Cell &cell = cells_[taken_ & mask_];
    if (cell.turn.load(std::memory_order_acquire) != taken_ + 1)
      return false;
    value = cell.value;
    head_->store(++taken_, std::memory_order_release);
    return true;
  }

private:
  struct alignas(kCell) Cell {
    T value;
    std::atomic<uint32_t> turn; ///< one more than the position that filled it
  };
  static_assert(sizeof(Cell) == kCell && std::atomic<uint32_t>::is_always_lock_free,
                "cells lie the same way in every process");

  static uint32_t sizeFor(uint32_t capacity) {
    uint32_t size = 16;
    while (size < capacity)
      size *= 2;
    return size;
  }

  std::atomic<uint32_t> *head_ = nullptr; ///< how many the consumer has taken
  Cell *cells_ = nullptr;
  uint32_t mask_ = 0;
  alignas(kLine) uint32_t tail_ = 0; ///< producer's
  uint32_t headSeen_ = 0;
  alignas(kLine) uint32_t taken_ = 0; ///< consumer's
};

} // namespace of::rt
