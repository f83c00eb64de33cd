#include "runtime/base/ProgramOrder.h"

#include <algorithm>

namespace of {

ProgramOrder::ProgramOrder(std::vector<uint32_t> firings)
    : firings_(std::move(firings)), edges_(firings_.size()) {}

void ProgramOrder::add(uint32_t from, int64_t leaves, uint32_t to, int64_t lag) {
  if (lag <= 1) // longer ones are part of no proof
    edges_[from].push_back({leaves, to, static_cast<uint32_t>(std::max<int64_t>(lag, 0))});
  known_.clear();
}

void ProgramOrder::addStream(const std::vector<uint32_t> &order) {
  std::vector<uint32_t> starts; // tasks by their first firing
  std::map<uint32_t, size_t> last;
  for (size_t i = 0; i < order.size(); ++i) {
    if (!last.count(order[i]))
      starts.push_back(order[i]);
    last[order[i]] = i;
  }
  for (size_t i = 0; i + 1 < starts.size(); ++i)
    add(starts[i], kStart, starts[i + 1], 0);
  if (!starts.empty())
    add(starts.back(), kStart, starts.front(), 1);
  std::vector<size_t> first(starts.size());
  for (size_t i = 0; i < starts.size(); ++i)
    first[i] = std::find(order.begin(), order.end(), starts[i]) - order.begin();
  for (uint32_t task : starts) {
    const size_t next = std::upper_bound(first.begin(), first.end(), last[task]) - first.begin();
    add(task, kEnd, next < starts.size() ? starts[next] : starts.front(),
        next < starts.size() ? 0 : 1);
  }
}

void ProgramOrder::addRegister(const PortUse &writer, const PortUse &reader, uint32_t slots,
                               uint32_t initial) {
  if (writer.task == reader.task)
    return; // in place
  const int64_t versions = firings_[writer.task] / writer.period;
  // The last version of an iteration is number `versions - 1`, the first of the next `versions`.
  auto iterations = [&](int64_t distance) { return 1 + (distance - 1 + versions - 1) / versions; };
  if (versions == 1)
    add(writer.task, writer.after, reader.task, initial);
  else if (initial == 0)
    add(writer.task, writer.after, reader.task, 1);
  if (slots > initial)
    add(reader.task, reader.after, writer.task, iterations(int64_t(slots) - initial));
}

void ProgramOrder::addOwnPiece(uint32_t send, uint32_t receive) {
  add(send, kEnd, receive, firings_[send] == 1 ? 0 : 1);
}

void ProgramOrder::addReuse(const Point &from, uint32_t to, uint32_t lag) {
  add(from.task, from.after, to, lag);
}

uint32_t ProgramOrder::lag(const Point &from, uint32_t to) const {
  const auto [it, fresh] = known_.insert({from, {}});
  std::vector<uint8_t> &lags = it->second;
  if (!fresh)
    return lags[to];
  lags.assign(edges_.size(), kNever);
  std::vector<uint32_t> open[kNever]; // starts reached, by lag
  auto reach = [&](const Edge &edge, uint32_t base) {
    const uint32_t lag = base + edge.lag;
    if (lag >= lags[edge.to])
      return;
    lags[edge.to] = static_cast<uint8_t>(lag);
    open[lag].push_back(edge.to);
  };
  for (const Edge &edge : edges_[from.task])
    if (edge.leaves >= from.after)
      reach(edge, 0);
  for (uint32_t lag = 0; lag < kNever; ++lag)
    while (!open[lag].empty()) {
      const uint32_t task = open[lag].back();
      open[lag].pop_back();
      if (lags[task] == lag)
        for (const Edge &edge : edges_[task])
          reach(edge, lag);
    }
  return lags[to];
}

} // namespace of
