// The chunks of a node's devices, and the mapped chunks of the other processes of its host.
//
// Owned by the node; complete before the workers start and immutable afterwards, so any thread may
// ask for addresses. What lies in a chunk is guarded by the tokens of the protocol.
#pragma once

#include "runtime/memory/Chunk.h"
#include "runtime/schema/PlanView.h"

#include <map>
#include <vector>

namespace of::rt {

/// What a node tells the others of its host so that they can map its shared chunks: one line of
/// text.
/// "<pid> <device>:<chunk>:<fd> ..."
using ChunkCard = std::string;

class NodeMemory {
public:
  /// Allocates the chunks of the devices of `node`, exactly the plan's bytes.
  static Result<NodeMemory> allocate(const plan::Plan &plan, uint32_t node);

  ChunkCard card() const;
  /// Maps the shared chunks of another node of this host.
  Status mapPeer(const plan::Plan &plan, const ChunkCard &card);

  /// Base of a chunk; null if it is neither of this node nor mapped, or empty.
  std::byte *base(uint32_t device, uint32_t chunk) const;
  uint64_t allocatedBytes() const { return allocatedBytes_; }

private:
  std::map<std::pair<uint32_t, uint32_t>, Chunk> chunks_; ///< by (device, chunk)
  std::map<std::pair<uint32_t, uint32_t>, Chunk> peers_;
  uint64_t allocatedBytes_ = 0;
};

} // namespace of::rt
