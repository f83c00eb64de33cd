#include "lib/Search/CostExact.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace of::search {

CostExact::CostExact(const CostCore &core, ShiftedCosts shifted, uint64_t &work)
    : core_(core), work_(work), costs_(std::move(shifted.costs)),
      tables_(std::move(shifted.tables)), least_(core.nodes), bound_(shifted.bound),
      assigned_(core.nodes, false), used_(core.rows(), 0), left_(core.nodes),
      choice_(core.nodes, 0), open_(core.nodes) {
  for (uint32_t i = 0; i < core.nodes; ++i) {
    least_[i] =
        *std::min_element(costs_.data() + core.firstCost[i], costs_.data() + core.firstCost[i + 1]);
    bound_ += least_[i];
  }
  work_ += tables_.size();
}

/// What a bound must stay below. The margin covers rounding of the shifted costs.
double CostExact::cutoff() const {
  return bestCost_ == kForbidden ? kForbidden : bestCost_ - 1e-10 * std::abs(bestCost_);
}

bool CostExact::run(double below, uint64_t limit) {
  bestCost_ = below;
  limit_ = limit;
  gaveUp_ = false;
  search();
  return !gaveUp_;
}

void CostExact::use(uint32_t node, uint32_t option, int64_t sign) {
  for (const CoreDemand *d = core_.demandsBegin(node); d != core_.demandsEnd(node); ++d) {
    const int64_t bytes = sign * core_.bytes[d->bytes + option];
    work_ += bytes != 0 ? d->rows.hi - d->rows.lo : 1;
    for (uint32_t row = d->rows.lo; bytes != 0 && row < d->rows.hi; ++row)
      used_[row] += bytes;
  }
}

/// The options of a node that may lead below the best choice, as far as its costs can tell.
void CostExact::listOptions(uint32_t node) {
  const double *const costs = costs_.data() + core_.firstCost[node];
  const double room = cutoff() - bound_ + least_[node];
  std::vector<uint32_t> &options = open_[node];
  options.clear();
  for (uint32_t k = 0; k < core_.options(node); ++k)
    if (costs[k] < room)
      options.push_back(k);
  work_ += 8 * core_.options(node) + 16;
}

int64_t CostExact::leastBytes(const CoreDemand &demand,
                              const std::vector<uint32_t> &options) const {
  int64_t least = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < options.size() && least > 0; ++i)
    least = std::min(least, core_.bytes[demand.bytes + options[i]]);
  work_ += options.size();
  return least;
}

/// The bytes in use and the least that the open options of all other nodes add to them.
void CostExact::sumNeeds() {
  needed_ = used_;
  for (uint32_t i = 0; i < core_.nodes; ++i) {
    if (assigned_[i])
      continue;
    for (const CoreDemand *d = core_.demandsBegin(i); d != core_.demandsEnd(i); ++d)
      if (const int64_t least = leastBytes(*d, open_[i]); least > 0) {
        work_ += d->rows.hi - d->rows.lo;
        for (uint32_t row = d->rows.lo; row < d->rows.hi; ++row)
          needed_[row] += least;
      }
  }
}

/// Drops the options that leave too few bytes to others; true if there were any.
bool CostExact::dropLarge(uint32_t node) {
  std::vector<uint32_t> &options = open_[node];
  const size_t before = options.size();
  for (const CoreDemand *d = core_.demandsBegin(node); d != core_.demandsEnd(node); ++d) {
    int64_t room = std::numeric_limits<int64_t>::max();
    for (uint32_t row = d->rows.lo; row < d->rows.hi; ++row)
      room = std::min(room, core_.capacity[row] - needed_[row]);
    room += leastBytes(*d, options);
    work_ += d->rows.hi - d->rows.lo + options.size();
    auto isLarge = [&](uint32_t k) { return core_.bytes[d->bytes + k] > room; };
    options.erase(std::remove_if(options.begin(), options.end(), isLarge), options.end());
    if (options.empty())
      break;
  }
  return options.size() < before;
}

/// The node with the fewest options that may lead below the best; none if some node has none.
std::optional<uint32_t> CostExact::pick() {
  std::optional<uint32_t> best;
  auto isEmpty = [&](uint32_t node) { return !assigned_[node] && open_[node].empty(); };
  for (uint32_t i = 0; i < core_.nodes; ++i) {
    if (assigned_[i])
      continue;
    listOptions(i);
    if (isEmpty(i))
      return std::nullopt;
  }
  for (bool changed = true; changed;) {
    changed = false;
    sumNeeds();
    for (uint32_t i = 0; i < core_.nodes; ++i) {
      changed |= !assigned_[i] && dropLarge(i);
      if (isEmpty(i))
        return std::nullopt;
    }
  }
  for (uint32_t i = 0; i < core_.nodes; ++i)
    if (!assigned_[i] && (!best || open_[i].size() < open_[*best].size()))
      best = i;
  return best;
}

void CostExact::assign(uint32_t node, uint32_t option) {
  choice_[node] = option;
  assigned_[node] = true;
  --left_;
  bound_ += costs_[core_.firstCost[node] + option] - least_[node];
  use(node, option, 1);
  for (const CoreLink *l = core_.linksBegin(node); l != core_.linksEnd(node); ++l) {
    if (assigned_[l->other])
      continue;
    const uint32_t columns = core_.options(l->other);
    double *const costs = costs_.data() + core_.firstCost[l->other];
    saved_.push_back({l->other, least_[l->other], savedCosts_.size()});
    savedCosts_.insert(savedCosts_.end(), costs, costs + columns);
    const double *const row = tables_.data() + l->out + size_t(option) * columns;
    for (uint32_t q = 0; q < columns; ++q)
      costs[q] += row[q];
    const double least = *std::min_element(costs, costs + columns);
    bound_ += least - least_[l->other];
    least_[l->other] = least;
    work_ += columns;
  }
}

void CostExact::undo(size_t saved) {
  while (saved_.size() > saved) {
    const Saved &s = saved_.back();
    std::copy(savedCosts_.begin() + long(s.costs), savedCosts_.end(),
              costs_.begin() + long(core_.firstCost[s.node]));
    savedCosts_.resize(s.costs);
    least_[s.node] = s.least;
    saved_.pop_back();
  }
}

void CostExact::leaf() {
  const double cost = core_.costOf(choice_);
  work_ += 4 * core_.links.size() + core_.nodes;
  if (cost < bestCost_) {
    bestCost_ = cost;
    best_ = choice_;
  }
}

void CostExact::search() {
  if (work_ > limit_) {
    gaveUp_ = true;
    return;
  }
  if (left_ == 0)
    return leaf();
  const std::optional<uint32_t> node = pick();
  if (!node)
    return;
  std::vector<uint32_t> options = open_[*node];
  const double *const costs = costs_.data() + core_.firstCost[*node];
  std::stable_sort(options.begin(), options.end(),
                   [&](uint32_t x, uint32_t y) { return costs[x] < costs[y]; });
  const double bound = bound_;
  for (uint32_t k : options) {
    if (gaveUp_ || bound - least_[*node] + costs[k] >= cutoff())
      break;
    const size_t saved = saved_.size();
    assign(*node, k);
    search();
    undo(saved);
    use(*node, k, -1);
    assigned_[*node] = false;
    ++left_;
    bound_ = bound;
  }
}

} // namespace of::search
