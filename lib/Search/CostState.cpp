#include "lib/Search/CostState.h"

#include <algorithm>
#include <cmath>

namespace of::search {

CostState::CostState(const CostCore &core, uint64_t &work) : core_(core), work_(work) {
  double most = 0;
  for (double c : core.costs)
    most = std::max(most, std::abs(c));
  for (double c : core.tables)
    if (c != kForbidden)
      most = std::max(most, std::abs(c));
  penalty_ = most > 0 ? 16 * most : 1;
  for (uint32_t i = 0; i < core.nodes; ++i)
    mostOptions_ = std::max(mostOptions_, core.options(i));
}

void CostState::reset(const Choice &choice) {
  choice_ = choice;
  used_.assign(core_.rows(), 0);
  for (uint32_t i = 0; i < core_.nodes; ++i)
    for (const CoreDemand *d = core_.demandsBegin(i); d != core_.demandsEnd(i); ++d) {
      const int64_t bytes = core_.bytes[d->bytes + choice[i]];
      for (uint32_t row = d->rows.lo; bytes != 0 && row < d->rows.hi; ++row)
        used_[row] += bytes;
    }
  overRows_ = 0;
  for (uint32_t row = 0; row < core_.rows(); ++row)
    overRows_ += used_[row] > core_.capacity[row];
  work_ += core_.nodes + core_.rows();
}

void CostState::move(uint32_t node, uint32_t option) {
  const uint32_t old = choice_[node];
  choice_[node] = option;
  for (const CoreDemand *d = core_.demandsBegin(node); d != core_.demandsEnd(node); ++d) {
    const int64_t more = core_.bytes[d->bytes + option] - core_.bytes[d->bytes + old];
    if (more == 0)
      continue;
    int64_t *const used = used_.data();
    const int64_t *const capacity = core_.capacity.data();
    int64_t over = 0;
    for (uint32_t row = d->rows.lo; row < d->rows.hi; ++row) {
      const int64_t now = used[row] + more;
      over += int64_t(now > capacity[row]) - int64_t(used[row] > capacity[row]);
      used[row] = now;
    }
    overRows_ += over;
    work_ += (d->rows.hi - d->rows.lo) / 2 + 1;
  }
}

double CostState::cost() const {
  double sum = 0;
  for (uint32_t i = 0; i < core_.nodes; ++i) {
    sum += core_.cost(i)[choice_[i]];
    for (const CoreLink *l = core_.linksBegin(i); l != core_.linksEnd(i); ++l)
      if (l->other > i)
        sum +=
            std::min(penalty_, core_.tables[l->out + size_t(choice_[i]) * core_.options(l->other) +
                                            choice_[l->other]]);
  }
  work_ += core_.links.size();
  return sum;
}

double CostState::feasibleCost() const {
  work_ += core_.links.size();
  return fits() ? core_.costOf(choice_) : kForbidden;
}

void CostState::localCosts(uint32_t node, double *out) const {
  const uint32_t options = core_.options(node);
  std::copy_n(core_.cost(node), options, out);
  for (const CoreLink *l = core_.linksBegin(node); l != core_.linksEnd(node); ++l) {
    const double *const row = core_.tables.data() + l->in + size_t(choice_[l->other]) * options;
    for (uint32_t k = 0; k < options; ++k)
      out[k] += row[k] < penalty_ ? row[k] : penalty_;
  }
  work_ += options * size_t(core_.linksEnd(node) - core_.linksBegin(node) + 1);
}

bool CostState::fitsWith(uint32_t node, uint32_t option) const {
  for (const CoreDemand *d = core_.demandsBegin(node); d != core_.demandsEnd(node); ++d) {
    const int64_t more = core_.bytes[d->bytes + option] - core_.bytes[d->bytes + choice_[node]];
    if (more <= 0)
      continue;
    work_ += (d->rows.hi - d->rows.lo) / 2 + 1;
    for (uint32_t row = d->rows.lo; row < d->rows.hi; ++row)
      if (used_[row] + more > core_.capacity[row])
        return false;
  }
  return true;
}

} // namespace of::search
