#include "lib/Search/CostMessages.h"

#include <algorithm>
#include <cmath>

namespace of::search {

namespace {

/// out[q] = min over k of offer[k] + table[k][q].
void minPlus(const double *offer, uint32_t rows, const double *table, double *out,
             uint32_t columns) {
  for (uint32_t q = 0; q < columns; ++q)
    out[q] = offer[0] + table[q];
  for (uint32_t k = 1; k < rows; ++k) {
    table += columns;
    const double base = offer[k];
    for (uint32_t q = 0; q < columns; ++q) {
      const double cost = base + table[q];
      out[q] = cost < out[q] ? cost : out[q];
    }
  }
}

} // namespace

CostMessages::CostMessages(const CostCore &core, uint64_t &work)
    : core_(core), work_(work), priced_(core.costs), messages_(core.messageEntries, 0) {
  uint32_t most = 1;
  for (uint32_t i = 0; i < core.nodes; ++i) {
    most = std::max(most, core.options(i));
    const long later = core.linksEnd(i) - firstLater(i),
               earlier = firstLater(i) - core.linksBegin(i);
    weights_.push_back(1.0 / double(std::max({later, earlier, 1L})));
  }
  sum_.resize(most);
  offer_.resize(most);
}

const CoreLink *CostMessages::firstLater(uint32_t node) const {
  return std::partition_point(core_.linksBegin(node), core_.linksEnd(node),
                              [&](const CoreLink &l) { return l.other < node; });
}

void CostMessages::setPrices(const std::vector<double> &prices) {
  std::vector<double> before(prices.size() + 1, 0);
  worth_ = 0;
  for (size_t row = 0; row < prices.size(); ++row) {
    before[row + 1] = before[row] + prices[row];
    worth_ += prices[row] * double(core_.capacity[row]);
  }
  priced_ = core_.costs;
  for (uint32_t i = 0; i < core_.nodes; ++i)
    for (const CoreDemand *d = core_.demandsBegin(i); d != core_.demandsEnd(i); ++d) {
      const double price = before[d->rows.hi] - before[d->rows.lo];
      for (uint32_t k = 0; k < core_.options(i); ++k)
        priced_[core_.firstCost[i] + k] += price * double(core_.bytes[d->bytes + k]);
    }
  work_ += prices.size() + core_.bytes.size();
}

double CostMessages::send(uint32_t node, const CoreLink *first, const CoreLink *last,
                          ShiftedCosts *shifted) {
  const uint32_t options = core_.options(node);
  double *const sum = sum_.data();
  std::copy_n(priced_.data() + core_.firstCost[node], options, sum);
  for (const CoreLink *l = core_.linksBegin(node); l != core_.linksEnd(node); ++l)
    for (uint32_t k = 0; k < options; ++k)
      sum[k] += messages_[l->message + k];
  double taken = *std::min_element(sum, sum + options);
  magnitude_ += std::abs(taken);
  for (uint32_t k = 0; k < options; ++k)
    sum[k] = (sum[k] - taken) * weights_[node];
  if (shifted)
    for (uint32_t k = 0; k < options; ++k)
      shifted->costs[core_.firstCost[node] + k] =
          sum[k] * std::max(0.0, 1 / weights_[node] - double(last - first));
  for (const CoreLink *l = first; l != last; ++l) {
    const uint32_t columns = core_.options(l->other);
    for (uint32_t k = 0; k < options; ++k)
      offer_[k] = sum[k] - messages_[l->message + k];
    double *const out = messages_.data() + l->reply;
    minPlus(offer_.data(), options, core_.tables.data() + l->out, out, columns);
    const double least = *std::min_element(out, out + columns);
    for (uint32_t q = 0; q < columns; ++q)
      out[q] -= least;
    taken += least;
    magnitude_ += std::abs(least);
    if (shifted)
      keep(*l, node, least, *shifted);
    work_ += size_t(options) * columns;
  }
  work_ += options * size_t(core_.linksEnd(node) - core_.linksBegin(node) + 1);
  return taken;
}

void CostMessages::forward(Choice &rounded) {
  rounded.resize(core_.nodes);
  for (uint32_t i = 0; i < core_.nodes; ++i) {
    const CoreLink *const later = firstLater(i);
    const uint32_t options = core_.options(i);
    (void)send(i, later, core_.linksEnd(i));
    std::copy_n(priced_.data() + core_.firstCost[i], options, sum_.data());
    for (const CoreLink *l = core_.linksBegin(i); l != core_.linksEnd(i); ++l) {
      const double *add = l < later
                              ? core_.tables.data() + l->in + size_t(rounded[l->other]) * options
                              : messages_.data() + l->message;
      for (uint32_t k = 0; k < options; ++k)
        sum_[k] += add[k];
    }
    rounded[i] = uint32_t(std::min_element(sum_.begin(), sum_.begin() + options) - sum_.begin());
  }
}

double CostMessages::backward() {
  double bound = 0;
  magnitude_ = std::abs(worth_);
  for (uint32_t i = core_.nodes; i-- > 0;)
    bound += send(i, core_.linksBegin(i), firstLater(i));
  return bound - worth_ - 1e-12 * magnitude_;
}

ShiftedCosts CostMessages::shift() {
  ShiftedCosts shifted{0, priced_, core_.tables};
  magnitude_ = std::abs(worth_);
  for (uint32_t i = core_.nodes; i-- > 0;)
    shifted.bound += send(i, core_.linksBegin(i), firstLater(i), &shifted);
  shifted.bound -= worth_ + 1e-12 * magnitude_;
  return shifted;
}

/// What remains of an edge when the message over it was taken off.
void CostMessages::keep(const CoreLink &link, uint32_t node, double least,
                        ShiftedCosts &shifted) const {
  const uint32_t options = core_.options(node), columns = core_.options(link.other);
  for (uint32_t k = 0; k < options; ++k)
    for (uint32_t q = 0; q < columns; ++q) {
      double &left = shifted.tables[link.out + size_t(k) * columns + q];
      left = std::max(0.0, left + offer_[k] - messages_[link.reply + q] - least);
      shifted.tables[link.in + size_t(q) * options + k] = left;
    }
}

void ShiftedCosts::project(const CostCore &core) {
  for (uint32_t i = 0; i < core.nodes; ++i)
    for (const CoreLink *l = core.linksBegin(i); l != core.linksEnd(i); ++l) {
      const uint32_t options = core.options(i), columns = core.options(l->other);
      for (uint32_t k = 0; k < options; ++k) {
        double *const row = tables.data() + l->out + size_t(k) * columns;
        const double least = *std::min_element(row, row + columns);
        if (least <= 0)
          continue;
        costs[core.firstCost[i] + k] += least;
        for (uint32_t q = 0; q < columns; ++q) {
          row[q] -= row[q] == kForbidden ? 0 : least;
          tables[l->in + size_t(q) * options + k] = row[q];
        }
      }
    }
}

} // namespace of::search
