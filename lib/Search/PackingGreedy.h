// First-fit by an order, and descent over orders: fast packings that are near the bound for most
// programs.
//
// Pure functions of the component, the order and the seed; not tied to a thread.
#pragma once

#include "lib/Search/PackingSections.h"

#include <random>

namespace of::search {

/// Places the buffers in the given order, each at the lowest offset that is free for its whole
/// life. `work` grows by the placed buffers looked at.
Layout packInOrder(const Component &component, const std::vector<uint32_t> &order, uint64_t &work);

/// The static orders worth trying, best first: bytes times time, bytes, time, start.
std::vector<std::vector<uint32_t>> greedyOrders(const Component &component);

/// Moves the buffers that make the peak, and what they rest on, to the front, with random
/// perturbation; keeps orders that are no worse. Stops at `target` granules or when `work` reaches
/// `limit`.
Layout improveOrder(const Component &component, std::vector<uint32_t> order, int64_t target,
                    uint64_t limit, std::mt19937_64 &random, uint64_t &work);

} // namespace of::search
