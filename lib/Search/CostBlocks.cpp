#include "lib/Search/CostBlocks.h"

#include <algorithm>
#include <cmath>

namespace of::search {

namespace {

constexpr int kTries = 5;       ///< prices at which a block is solved
constexpr ptrdiff_t kScan = 64; ///< neighbours looked at from one node
constexpr double kLess = 1e-9;  ///< relative; smaller differences are rounding

} // namespace

CostBlocks::CostBlocks(const CostCore &core, CostState &state, uint64_t seed, uint64_t &work)
    : core_(core), state_(state), work_(work), random_(seed), place_(core.nodes, UINT32_MAX) {}

/// The link of `node` into the block, if there is exactly one.
const CoreLink *CostBlocks::onlyLink(uint32_t node) const {
  const CoreLink *only = nullptr;
  work_ += size_t(core_.linksEnd(node) - core_.linksBegin(node));
  for (const CoreLink *l = core_.linksBegin(node); l != core_.linksEnd(node); ++l) {
    if (place_[l->other] == UINT32_MAX)
      continue;
    if (only)
      return nullptr;
    only = l;
  }
  return only;
}

void CostBlocks::visitNeighbours(uint32_t place, size_t size) {
  const uint32_t node = block_[place].node;
  const CoreLink *const first = core_.linksBegin(node);
  const ptrdiff_t count = core_.linksEnd(node) - first;
  const ptrdiff_t start = count ? ptrdiff_t(random_() % uint64_t(count)) : 0;
  for (ptrdiff_t i = 0; i < std::min(count, kScan) && block_.size() < size; ++i) {
    const uint32_t other = first[(start + i) % count].other;
    if (place_[other] != UINT32_MAX)
      continue;
    const CoreLink *const link = onlyLink(other);
    if (!link)
      continue;
    place_[other] = uint32_t(block_.size());
    block_.push_back({other, place, link, state_.choice()[other], 0});
  }
}

void CostBlocks::grow(uint32_t root, size_t size) {
  for (const Member &m : block_)
    place_[m.node] = UINT32_MAX;
  block_.assign(1, {root, 0, nullptr, state_.choice()[root], 0});
  place_[root] = 0;
  for (uint32_t place = 0; place < block_.size() && block_.size() < size; ++place)
    visitNeighbours(place, size);
}

/// Costs of a member's options with its neighbours outside.
void CostBlocks::price(Member &m) {
  const uint32_t options = core_.options(m.node);
  m.first = costs_.size();
  costs_.insert(costs_.end(), core_.cost(m.node), core_.cost(m.node) + options);
  double *const out = costs_.data() + m.first;
  for (const CoreDemand *d = core_.demandsBegin(m.node); d != core_.demandsEnd(m.node); ++d) {
    const double each = before_[d->rows.hi] - before_[d->rows.lo];
    for (uint32_t k = 0; k < options; ++k)
      out[k] += each * double(core_.bytes[d->bytes + k]);
  }
  for (const CoreLink *l = core_.linksBegin(m.node); l != core_.linksEnd(m.node); ++l) {
    if (place_[l->other] != UINT32_MAX)
      continue;
    const double *const row =
        core_.tables.data() + l->in + size_t(state_.choice()[l->other]) * options;
    for (uint32_t k = 0; k < options; ++k)
      out[k] += std::min(row[k], state_.penalty());
  }
  work_ += options * size_t(core_.linksEnd(m.node) - core_.linksBegin(m.node) + 1);
}

/// Adds the least cost below a member to its parent's options.
void CostBlocks::tellParent(const Member &m) {
  const Member &parent = block_[m.parent];
  const uint32_t options = core_.options(m.node), columns = core_.options(parent.node);
  std::vector<double> least(columns, kForbidden);
  std::vector<uint32_t> best(columns, 0);
  for (uint32_t k = 0; k < options; ++k) {
    const double *const row = core_.tables.data() + m.link->out + size_t(k) * columns;
    const double own = costs_[m.first + k];
    for (uint32_t q = 0; q < columns; ++q) {
      const double cost = own + std::min(row[q], state_.penalty());
      if (cost < least[q]) {
        least[q] = cost;
        best[q] = k;
      }
    }
  }
  for (uint32_t q = 0; q < columns; ++q)
    costs_[parent.first + q] += least[q];
  work_ += 2 * size_t(options) * columns;
  best_.insert(best_.end(), best.begin(), best.end());
}

/// Moves the block to its best options under prices.
void CostBlocks::solve(const std::vector<double> &prices) {
  before_.assign(prices.size() + 1, 0);
  for (size_t row = 0; row < prices.size(); ++row)
    before_[row + 1] = before_[row] + prices[row];
  work_ += prices.size();
  costs_.clear();
  best_.clear();
  for (Member &m : block_)
    price(m);
  std::vector<size_t> firstBest(block_.size(), 0);
  for (size_t place = block_.size(); place-- > 1;) {
    firstBest[place] = best_.size();
    tellParent(block_[place]);
  }
  const auto root = costs_.begin() + long(block_[0].first);
  const uint32_t options = core_.options(block_[0].node);
  state_.move(block_[0].node, uint32_t(std::min_element(root, root + options) - root));
  for (size_t place = 1; place < block_.size(); ++place)
    state_.move(block_[place].node,
                best_[firstBest[place] + state_.choice()[block_[block_[place].parent].node]]);
}

/// Of the block with its links.
double CostBlocks::cost() const {
  double sum = 0;
  for (const Member &m : block_) {
    const uint32_t k = state_.choice()[m.node], options = core_.options(m.node);
    sum += core_.cost(m.node)[k];
    for (const CoreLink *l = core_.linksBegin(m.node); l != core_.linksEnd(m.node); ++l)
      if (place_[l->other] == UINT32_MAX || l->other > m.node)
        sum += std::min(state_.penalty(),
                        core_.tables[l->in + size_t(state_.choice()[l->other]) * options + k]);
    work_ += size_t(core_.linksEnd(m.node) - core_.linksBegin(m.node));
  }
  return sum;
}

/// What the bytes of the block are worth.
double CostBlocks::worth(const std::vector<double> &prices) {
  double sum = 0;
  std::vector<double> before(prices.size() + 1, 0);
  for (size_t row = 0; row < prices.size(); ++row)
    before[row + 1] = before[row] + prices[row];
  for (const Member &m : block_)
    for (const CoreDemand *d = core_.demandsBegin(m.node); d != core_.demandsEnd(m.node); ++d)
      sum += (before[d->rows.hi] - before[d->rows.lo]) *
             double(core_.bytes[d->bytes + state_.choice()[m.node]]);
  work_ += prices.size();
  return sum;
}

void CostBlocks::restore() {
  for (const Member &m : block_)
    if (state_.choice()[m.node] != m.before)
      state_.move(m.node, m.before);
}

bool CostBlocks::improve(uint32_t root, size_t size, std::vector<double> prices) {
  grow(root, size);
  const std::vector<double> real = prices;
  const double oldCost = cost(), oldWorth = worth(real);
  const double margin = kLess * std::abs(oldCost);
  double least = 0;
  for (double price : prices)
    least += price / double(prices.size());
  for (int t = 0; t < kTries; ++t) {
    solve(prices);
    if (state_.fits())
      break;
    for (size_t row = 0; row < prices.size(); ++row)
      if (state_.used()[row] > core_.capacity[row])
        prices[row] = std::max(prices[row], least) * 3;
  }
  const double newCost = cost();
  const bool better = state_.fits() && (newCost < oldCost - margin ||
                                        (newCost <= oldCost && worth(real) < oldWorth - margin));
  if (!better)
    restore();
  return better;
}

} // namespace of::search
