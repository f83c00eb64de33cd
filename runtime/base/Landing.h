// Where the pieces that other hosts push lie in a landing slot of a Receive.
//
// The compiler sizes landing slots with this, the sender packs by it and the receiver unpacks by
// it, so all three agree without a table. Remote sources follow each other in ascending device
// order; within a source, tensors in the order of the exchange and pieces in the order of the
// receive plan. Every piece starts at a multiple of 64 bytes.
#pragma once

#include "runtime/base/Exchange.h"

namespace of {

struct ExchangePart {
  DType dtype = DType::F32;
  Shape shape;
  Layout src, dst;
};

struct LandingPiece {
  uint32_t tensor = 0;
  Piece piece;
  int64_t offset = 0; ///< from the start of the source's payload
  int64_t bytes = 0;
};

/// What one remote source pushes for one firing: one contiguous message.
struct LandingPayload {
  int64_t srcDevice = 0;
  int64_t offset = 0; ///< from the start of the landing slot
  int64_t bytes = 0;
  std::vector<LandingPiece> pieces;
};

/// Payloads that `dstDevice` receives from devices of other hosts, ascending by source.
std::vector<LandingPayload> landingPayloads(const std::vector<ExchangePart> &tensors,
                                            int64_t dstDevice, const DistanceFn &distance);

/// Whether each of the devices takes a piece of some tensor from itself: its receive then waits for
/// its own send.
bool takeOwnPieces(const std::vector<ExchangePart> &tensors, const std::vector<int64_t> &devices,
                   const DistanceFn &distance);

/// Bytes that a piece of so many takes of its payload.
inline int64_t landingBytes(int64_t bytes) {
  constexpr int64_t kAlignment = 64;
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// Bytes of a landing slot of each of the devices; 0 where no other host sends to it.
std::vector<int64_t> landingSlotBytes(const std::vector<ExchangePart> &tensors,
                                      const std::vector<int64_t> &dstDevices,
                                      const DistanceFn &distance);

/// The same for one.
int64_t landingSlotBytes(const std::vector<ExchangePart> &tensors, int64_t dstDevice,
                         const DistanceFn &distance);

/// Landing slots of a Receive whose output has so many slots. With a second one the grant for a
/// version is on its way before the one before has been taken, and travels with bytes that go the
/// same way; where slots are small that is worth their memory.
inline int64_t landingSlots(int64_t slotBytes, int64_t outputSlots) {
  constexpr int64_t kFewBytes = 64 << 10;
  return slotBytes > 0 && slotBytes <= kFewBytes && outputSlots < 2 ? 2 : outputSlots;
}

} // namespace of
