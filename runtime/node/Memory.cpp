#include "runtime/node/Memory.h"

#include <sstream>
#include <unistd.h>

namespace of::rt {

Result<NodeMemory> NodeMemory::allocate(const plan::Plan &plan, uint32_t node) {
  NodeMemory memory;
  for (uint32_t d = 0; d < plan.devices()->size(); ++d) {
    if (plan.devices()->Get(d)->node() != node)
      continue;
    OF_ASSIGN(const RoleInstance instance, roleOf(plan, d));
    for (uint32_t c = 0; c < instance.role->chunks()->size(); ++c) {
      const plan::Chunk &entry = *instance.role->chunks()->Get(c);
      auto chunk = Chunk::allocate(entry.bytes(), entry.shared());
      if (!chunk.isOk())
        return chunk.status().withContext("device " + std::to_string(d) + ", chunk " +
                                          std::to_string(c));
      memory.chunks_[{d, c}] = std::move(*chunk);
      memory.allocatedBytes_ += entry.bytes();
    }
  }
  return memory;
}

ChunkCard NodeMemory::card() const {
  std::string out = std::to_string(::getpid());
  for (const auto &[key, chunk] : chunks_)
    if (chunk.fd() >= 0)
      out += " " + std::to_string(key.first) + ":" + std::to_string(key.second) + ":" +
             std::to_string(chunk.fd());
  return out;
}

Status NodeMemory::mapPeer(const plan::Plan &plan, const ChunkCard &card) {
  std::istringstream in(card);
  pid_t pid = 0;
  in >> pid;
  uint32_t device = 0, chunk = 0;
  int fd = -1;
  char colon = 0;
  while (in >> device >> colon >> chunk >> colon >> fd) {
    if (device >= plan.devices()->size())
      return Status(Code::Corrupt, "a peer offers a chunk of device " + std::to_string(device) +
                                       ", which the plan does not have");
    OF_ASSIGN(const RoleInstance instance, roleOf(plan, device));
    if (chunk >= instance.role->chunks()->size())
      return Status(Code::Corrupt, "a peer offers chunk " + std::to_string(chunk) + " of device " +
                                       std::to_string(device) + ", which the plan does not have");
    auto mapped = Chunk::mapPeer(pid, fd, instance.role->chunks()->Get(chunk)->bytes());
    if (!mapped.isOk())
      return mapped.status();
    peers_[{device, chunk}] = std::move(*mapped);
  }
  return Status::ok();
}

std::byte *NodeMemory::base(uint32_t device, uint32_t chunk) const {
  for (const auto *table : {&chunks_, &peers_})
    if (const auto it = table->find({device, chunk}); it != table->end())
      return it->second.data();
  return nullptr;
}

} // namespace of::rt
