#include "runtime/base/Exchange.h"

#include <algorithm>
#include <optional>

namespace of {

namespace {

/// The axes of `finer`, as many as make up each axis of `coarse` in order; empty if they do not.
std::vector<size_t> axesCut(const std::vector<int64_t> &coarse, const std::vector<int64_t> &finer) {
  std::vector<size_t> cut;
  size_t next = 0;
  for (const int64_t size : coarse) {
    size_t count = 0;
    for (int64_t left = size; left > 1 || count == 0; ++next, ++count) {
      if (next == finer.size() || left % finer[next] != 0)
        return {};
      left /= finer[next];
    }
    cut.push_back(count);
  }
  return next == finer.size() ? cut : std::vector<size_t>();
}

/// The source as it lies on the destination's placement, if that has the same devices in a finer
/// grid and the destination is partial: only then the axes matter. None where a split would fall
/// elsewhere on the finer grid (uneven parts).
std::optional<Layout> onFinerGrid(const Shape &shape, const Layout &src, const Layout &dst) {
  if (src.placement.devices != dst.placement.devices ||
      src.placement.shape == dst.placement.shape ||
      std::none_of(dst.sbp.begin(), dst.sbp.end(), [](Sbp s) { return s.isPartial(); }))
    return std::nullopt;
  const std::vector<size_t> cut = axesCut(src.placement.shape, dst.placement.shape);
  if (cut.empty())
    return std::nullopt;
  Layout finer{dst.placement, {}};
  for (size_t a = 0; a < cut.size(); ++a)
    finer.sbp.insert(finer.sbp.end(), cut[a], src.sbp[a]);
  for (int64_t point = 0; point < src.placement.size(); ++point)
    if (!(boxAt(shape, src, point) == boxAt(shape, finer, point)))
      return std::nullopt;
  return finer;
}

/// Axes of the source that are partial and that the destination keeps so.
std::vector<bool> keptAxes(const Layout &src, const Layout &dst) {
  std::vector<bool> kept(src.sbp.size(), false);
  if (src.placement == dst.placement)
    for (size_t a = 0; a < kept.size(); ++a)
      kept[a] = src.sbp[a].isPartial() && src.sbp[a] == dst.sbp[a];
  return kept;
}

bool before(const Box &a, const Box &b) {
  return std::lexicographical_compare(a.dims.begin(), a.dims.end(), b.dims.begin(), b.dims.end(),
                                      [](const Range &x, const Range &y) {
                                        return x.begin != y.begin ? x.begin < y.begin
                                                                  : x.end < y.end;
                                      });
}

} // namespace

ExchangeTerms::ExchangeTerms(const Shape &shape, const Layout &src, std::vector<bool> keptAxes)
    : kept(std::move(keptAxes)) {
  // By the point without its coordinates on broadcast axes: replicas differ in those only.
  std::vector<std::pair<std::vector<Term> *, size_t>> index(src.placement.devices.size());
  Coordinates at(src.placement.shape.size(), 0), keep, partial;
  for (int64_t point = 0; point < src.placement.size(); ++point) {
    size_t key = 0;
    for (size_t a = 0; a < src.sbp.size(); ++a)
      key = key * static_cast<size_t>(src.placement.shape[a]) +
            (src.sbp[a].isBroadcast() ? 0 : static_cast<size_t>(at[a]));
    auto &[list, place] = index[key];
    if (!list) {
      keep.clear();
      partial.clear();
      for (size_t a = 0; a < src.sbp.size(); ++a)
        if (src.sbp[a].isPartial())
          (kept[a] ? keep : partial).push_back(at[a]);
      list = &lists[keep];
      place = list->size();
      const bool isFirst =
          std::all_of(partial.begin(), partial.end(), [](int64_t c) { return c == 0; });
      list->push_back({boxAt(shape, src, point), partial, isFirst, {}});
    }
    (*list)[place].replicas.push_back(src.placement.devices[static_cast<size_t>(point)]);
    for (size_t a = at.size(); a-- > 0 && ++at[a] == src.placement.shape[a];)
      at[a] = 0;
  }
  for (const Sbp &sbp : src.sbp)
    if (sbp.isPartial())
      reduction = sbp.kind;
}

PreparedExchange::PreparedExchange(const Shape &shape, const Layout &src, const Layout &dst,
                                   KnownTerms *known)
    : shape(shape), dst(dst) {
  const std::optional<Layout> finer = onFinerGrid(shape, src, dst);
  std::vector<bool> kept = keptAxes(finer ? *finer : src, dst);
  if (finer || !known) {
    source = std::make_shared<ExchangeTerms>(shape, finer ? *finer : src, std::move(kept));
    return;
  }
  std::shared_ptr<const ExchangeTerms> &there = (*known)[kept];
  if (!there)
    there = std::make_shared<ExchangeTerms>(shape, src, std::move(kept));
  source = there;
}

PreparedExchange::Needed PreparedExchange::neededAt(int64_t dstPoint) const {
  const std::vector<bool> &kept = source->kept;
  Needed needed{nullptr, false, source->reduction};
  ExchangeTerms::Coordinates keep;
  int64_t stride = dst.placement.size();
  for (size_t a = 0; a < dst.sbp.size(); ++a) {
    stride /= dst.placement.shape[a];
    const int64_t at = dstPoint / stride % dst.placement.shape[a];
    if (a < kept.size() && kept[a]) {
      keep.push_back(at);
    } else if (dst.sbp[a].isPartial() && at > 0) {
      needed.isNeutral = true;
      needed.reduction = dst.sbp[a].kind;
    }
  }
  if (const auto given = source->lists.find(keep);
      !needed.isNeutral && given != source->lists.end())
    needed.terms = &given->second;
  return needed;
}

// The nearest; among remote ones round-robin by the destination's point.
int64_t PreparedExchange::replicaFor(const Term &term, int64_t dstPoint,
                                     const DistanceFn &distance) const {
  const int64_t device = dst.placement.devices[static_cast<size_t>(dstPoint)];
  int64_t best = term.replicas[static_cast<size_t>(dstPoint) % term.replicas.size()];
  Distance nearest = Distance::Remote;
  for (int64_t replica : term.replicas)
    if (const Distance d = distance(replica, device); d < nearest) {
      nearest = d;
      best = replica;
    }
  return best;
}

ReceivePlan PreparedExchange::receive(int64_t dstPoint, const DistanceFn &distance) const {
  const Needed needed = neededAt(dstPoint);
  ReceivePlan plan{boxAt(shape, dst, dstPoint), needed.isNeutral, needed.reduction, {}};
  if (!needed.terms)
    return plan;

  struct Candidate {
    Piece piece;
    const ExchangeTerms::Coordinates *partial;
  };
  std::vector<Candidate> found;
  const int64_t device = dst.placement.devices[static_cast<size_t>(dstPoint)];
  for (const Term &term : *needed.terms)
    if (commonElements(term.box, plan.box) > 0)
      found.push_back({{replicaFor(term, dstPoint, distance), device, intersect(term.box, plan.box),
                        term.isFirst},
                       &term.partial});
  // Terms are reduced in the order of their coordinates, which is ascending device order where each
  // has one holder. Ordering by the replica that was chosen would give different destinations
  // different bits.
  std::stable_sort(found.begin(), found.end(), [](const Candidate &a, const Candidate &b) {
    return a.piece.region == b.piece.region ? *a.partial < *b.partial
                                            : before(a.piece.region, b.piece.region);
  });
  plan.pieces.reserve(found.size());
  for (Candidate &candidate : found)
    plan.pieces.push_back(std::move(candidate.piece));
  return plan;
}

ReceivePlan receivePlan(const Shape &shape, const Layout &src, const Layout &dst, int64_t dstPoint,
                        const DistanceFn &distance) {
  return PreparedExchange(shape, src, dst).receive(dstPoint, distance);
}

std::vector<Piece> sendPieces(const Shape &shape, const Layout &src, const Layout &dst,
                              int64_t srcDevice, const DistanceFn &distance) {
  const PreparedExchange exchange(shape, src, dst);
  std::vector<Piece> out;
  for (int64_t point = 0; point < dst.placement.size(); ++point)
    for (Piece &piece : exchange.receive(point, distance).pieces)
      if (piece.srcDevice == srcDevice)
        out.push_back(std::move(piece));
  std::stable_sort(out.begin(), out.end(),
                   [](const Piece &a, const Piece &b) { return a.dstDevice < b.dstDevice; });
  return out;
}

int64_t elementsMoved(const Shape &shape, const Layout &src, const Layout &dst,
                      const DistanceFn &distance) {
  const PreparedExchange exchange(shape, src, dst);
  int64_t elements = 0;
  for (int64_t point = 0; point < dst.placement.size(); ++point)
    exchange.forEachSize(point, distance, [&](const PieceSize &piece) {
      elements += piece.srcDevice != dst.placement.devices[point] ? piece.elements : 0;
    });
  return elements;
}

} // namespace of
