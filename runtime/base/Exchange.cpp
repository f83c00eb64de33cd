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

/// Number of the part of a dim that holds this index, and of how many.
std::pair<int64_t, int64_t> partAt(const Shape &shape, const Layout &layout, size_t dim,
                                   int64_t index) {
  Range range{0, shape[dim]};
  int64_t number = 0, count = 1;
  for (size_t axis = 0; axis < layout.sbp.size(); ++axis) {
    if (!layout.sbp[axis].isSplit() || layout.sbp[axis].dim != dim)
      continue;
    const int64_t parts = layout.placement.shape[axis], size = range.size() / parts,
                  larger = range.size() % parts, at = index - range.begin;
    const int64_t part = at < larger * (size + 1) ? at / (size + 1) : (at - larger) / size;
    range = balancedPart(range, parts, part);
    number = number * parts + part;
    count *= parts;
  }
  return {number, count};
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

int64_t PreparedExchange::numGiven() const {
  int64_t points = dst.placement.size();
  for (size_t a = 0; a < dst.sbp.size(); ++a)
    points /= isFilled(a) ? dst.placement.shape[a] : 1;
  return points;
}

bool PreparedExchange::isGiven(int64_t dstPoint) const {
  int64_t stride = dst.placement.size();
  for (size_t a = 0; a < dst.sbp.size(); ++a) {
    stride /= dst.placement.shape[a];
    if (isFilled(a) && dstPoint / stride % dst.placement.shape[a] > 0)
      return false;
  }
  return true;
}

PreparedExchange::Needed PreparedExchange::neededAt(int64_t dstPoint) const {
  Needed needed{nullptr, false, source->reduction};
  ExchangeTerms::Coordinates keep;
  int64_t stride = dst.placement.size();
  for (size_t a = 0; a < dst.sbp.size(); ++a) {
    stride /= dst.placement.shape[a];
    const int64_t at = dstPoint / stride % dst.placement.shape[a];
    if (isKept(a)) {
      keep.push_back(at);
    } else if (isFilled(a) && at > 0) {
      needed.isNeutral = true;
      needed.reduction = dst.sbp[a].kind;
    }
  }
  if (const auto given = source->lists.find(keep);
      !needed.isNeutral && given != source->lists.end())
    needed.terms = &given->second;
  return needed;
}

// Every node works this out for itself: who changes it counts kControlVersion up.
int64_t PreparedExchange::Replicas::chooseNearest(const Term &term) {
  Distance least = Distance::Remote;
  nearest.clear();
  for (int64_t replica : term.replicas) {
    const Distance d = distance(replica, device);
    if (d == Distance::SameDevice)
      return replica;
    if (d < least)
      nearest.clear();
    least = std::min(least, d);
    if (d == least)
      nearest.push_back(replica);
  }
  return nearest.size() == 1 ? nearest.front() : nearest[rankOf(term) % nearest.size()];
}

// Among all that receive of the box. Points of one node follow one another, and so do those that
// have the box near and do not ask: the turns of the rest stay even. Of the parts of a dim those
// that meet the box follow one another too, so that points before this one need not be listed: they
// are counted axis by axis.
int64_t PreparedExchange::Replicas::rankOf(const Term &term) {
  dims.clear();
  const Layout &dst = exchange.dst;
  for (size_t dim = 0; dim < exchange.shape.size(); ++dim) {
    const Range &range = term.box.dims[dim];
    const auto [first, count] = partAt(exchange.shape, dst, dim, range.begin);
    const int64_t last = partAt(exchange.shape, dst, dim, range.end - 1).first;
    dims.push_back({first, last + 1, 0, count});
  }
  int64_t rank = 0, stride = dst.placement.size(), free = 1; // of broadcast axes to come
  for (size_t axis = 0; axis < dst.sbp.size(); ++axis)
    free *= dst.sbp[axis].isBroadcast() ? dst.placement.shape[axis] : 1;
  for (size_t axis = 0; axis < dst.sbp.size(); ++axis) {
    const int64_t size = dst.placement.shape[axis];
    stride /= size;
    const int64_t here = point / stride % size;
    const Sbp sbp = dst.sbp[axis];
    if (sbp.isPartial())
      continue; // one coordinate receives of the box
    free /= sbp.isBroadcast() ? size : 1;
    int64_t before = free;
    for (size_t dim = 0; dim < dims.size(); ++dim)
      before *= sbp.isSplit() && sbp.dim == dim ? 1 : dims[dim].left();
    if (sbp.isBroadcast()) {
      rank += before * here;
      continue;
    }
    Parts &cut = dims[sbp.dim];
    const int64_t width = (cut.end - cut.begin) / size, begin = cut.begin + here * width;
    rank += before * cut.meeting(cut.begin, begin);
    cut.begin = begin;
    cut.end = begin + width;
  }
  return rank;
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
  Replicas replicas(*this, dstPoint, distance);
  const int64_t device = dst.placement.devices[static_cast<size_t>(dstPoint)];
  for (const Term &term : *needed.terms)
    if (commonElements(term.box, plan.box) > 0)
      found.push_back({{replicas.choose(term), device, intersect(term.box, plan.box), term.isFirst},
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
