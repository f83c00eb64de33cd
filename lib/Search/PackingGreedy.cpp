#include "lib/Search/PackingGreedy.h"

#include <algorithm>
#include <numeric>

namespace of::search {

namespace {

bool overlaps(const SectionBuffer &a, const SectionBuffer &b) {
  return a.lower < b.upper && b.lower < a.upper;
}

/// A buffer that ends at the peak, then one that it rests on, and so on down to the floor.
std::vector<uint32_t> criticalChain(const Component &component, const Layout &layout,
                                    std::mt19937_64 &random) {
  const auto top = [&](uint32_t i) { return layout.offsets[i] + component.buffers[i].size; };
  std::vector<uint32_t> chain, candidates;
  int64_t level = layout.peak;
  do {
    candidates.clear();
    for (uint32_t i = 0; i < component.buffers.size(); ++i)
      if (top(i) == level &&
          (chain.empty() || overlaps(component.buffers[i], component.buffers[chain.back()])))
        candidates.push_back(i);
    if (candidates.empty())
      break; // an alignment gap
    chain.push_back(candidates[random() % candidates.size()]);
    level = layout.offsets[chain.back()];
  } while (level > 0);
  return chain;
}

/// Moves `buffer` some way towards the front.
void promote(std::vector<uint32_t> &order, uint32_t buffer, std::mt19937_64 &random) {
  const size_t at = size_t(std::find(order.begin(), order.end(), buffer) - order.begin());
  if (at == 0)
    return;
  const size_t to = random() % at;
  std::rotate(order.begin() + to, order.begin() + at, order.begin() + at + 1);
}

} // namespace

Layout packInOrder(const Component &component, const std::vector<uint32_t> &order, uint64_t &work) {
  struct Placed {
    int64_t begin, end;
    uint32_t lower, upper;
  };
  std::vector<Placed> placed; // ascending by begin
  placed.reserve(order.size());
  Layout layout;
  layout.offsets.resize(component.buffers.size());
  for (uint32_t i : order) {
    const SectionBuffer &b = component.buffers[i];
    int64_t offset = 0;
    for (const Placed &p : placed) {
      if (p.begin >= offset + b.size)
        break;
      if (p.lower < b.upper && b.lower < p.upper && p.end > offset)
        offset = roundUp(p.end, b.alignment);
    }
    const Placed mine{offset, offset + b.size, b.lower, b.upper};
    const auto at =
        std::upper_bound(placed.begin(), placed.end(), mine,
                         [](const Placed &x, const Placed &y) { return x.begin < y.begin; });
    placed.insert(at, mine);
    layout.offsets[i] = offset;
    layout.peak = std::max(layout.peak, mine.end);
    work += placed.size();
  }
  return layout;
}

std::vector<std::vector<uint32_t>> greedyOrders(const Component &component) {
  std::vector<uint32_t> identity(component.buffers.size());
  std::iota(identity.begin(), identity.end(), 0);
  const auto by = [&](auto key) {
    std::vector<uint32_t> order = identity;
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return key(component.buffers[a]) > key(component.buffers[b]);
    });
    return order;
  };
  const auto time = [](const SectionBuffer &b) { return int64_t(b.upper - b.lower); };
  return {by([&](const SectionBuffer &b) { return double(b.size) * double(time(b)); }),
          by([](const SectionBuffer &b) { return b.size; }), by(time),
          by([](const SectionBuffer &b) { return -int64_t(b.lower); })};
}

Layout improveOrder(const Component &component, std::vector<uint32_t> order, int64_t target,
                    uint64_t limit, std::mt19937_64 &random, uint64_t &work) {
  Layout current = packInOrder(component, order, work), best = current;
  std::vector<uint32_t> next;
  while (best.peak > target && work < limit) {
    const std::vector<uint32_t> chain = criticalChain(component, current, random);
    work += chain.size() * component.buffers.size();
    next = order;
    promote(next, chain[random() % chain.size()], random);
    if (random() % 4 == 0)
      promote(next, uint32_t(random() % next.size()), random);
    Layout tried = packInOrder(component, next, work);
    if (tried.peak > current.peak)
      continue;
    order.swap(next);
    current = std::move(tried);
    if (current.peak < best.peak)
      best = current;
  }
  return best;
}

} // namespace of::search
