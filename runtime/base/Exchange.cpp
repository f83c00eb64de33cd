#include "runtime/base/Exchange.h"

#include <algorithm>
#include <map>

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
/// grid and the destination is partial: only then the axes matter. Else the source as it is, also
/// where a split would fall elsewhere on the finer grid (uneven parts).
Layout onFinerGrid(const Shape &shape, const Layout &src, const Layout &dst) {
  if (src.placement.devices != dst.placement.devices ||
      src.placement.shape == dst.placement.shape ||
      std::none_of(dst.sbp.begin(), dst.sbp.end(), [](Sbp s) { return s.isPartial(); }))
    return src;
  const std::vector<size_t> cut = axesCut(src.placement.shape, dst.placement.shape);
  if (cut.empty())
    return src;
  Layout finer{dst.placement, {}};
  for (size_t a = 0; a < cut.size(); ++a)
    finer.sbp.insert(finer.sbp.end(), cut[a], src.sbp[a]);
  for (int64_t point = 0; point < src.placement.size(); ++point)
    if (!(boxAt(shape, src, point) == boxAt(shape, finer, point)))
      return src;
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

/// The replica that serves a destination: the nearest; among remote ones round-robin by the
/// destination's point.
int64_t chooseReplica(const std::vector<int64_t> &replicas, int64_t device, int64_t point,
                      const DistanceFn &distance) {
  int64_t best = replicas[static_cast<size_t>(point) % replicas.size()];
  Distance nearest = Distance::Remote;
  for (int64_t replica : replicas)
    if (const Distance d = distance(replica, device); d < nearest) {
      nearest = d;
      best = replica;
    }
  return best;
}

bool before(const Box &a, const Box &b) {
  return std::lexicographical_compare(a.dims.begin(), a.dims.end(), b.dims.begin(), b.dims.end(),
                                      [](const Range &x, const Range &y) {
                                        return x.begin != y.begin ? x.begin < y.begin
                                                                  : x.end < y.end;
                                      });
}

} // namespace

PreparedExchange::PreparedExchange(const Shape &shape, const Layout &source, const Layout &dst)
    : shape(shape), dst(dst) {
  const Layout src = onFinerGrid(shape, source, dst);
  kept = keptAxes(src, dst);
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
      list = &terms[keep];
      place = list->size();
      list->push_back({boxAt(shape, src, point), partial, {}});
    }
    (*list)[place].replicas.push_back(src.placement.devices[static_cast<size_t>(point)]);
    for (size_t a = at.size(); a-- > 0 && ++at[a] == src.placement.shape[a];)
      at[a] = 0;
  }
  for (const Sbp &sbp : src.sbp)
    if (sbp.isPartial())
      reduction = sbp.kind;
}

ReceivePlan PreparedExchange::receive(int64_t dstPoint, const DistanceFn &distance) const {
  ReceivePlan plan;
  plan.box = boxAt(shape, dst, dstPoint);
  plan.reduction = reduction;
  const Coordinates at = dst.placement.coordinates(dstPoint);
  Coordinates keep;
  for (size_t a = 0; a < dst.sbp.size(); ++a) {
    if (a < kept.size() && kept[a]) {
      keep.push_back(at[a]);
    } else if (dst.sbp[a].isPartial() && at[a] > 0) {
      plan.fillNeutral = true;
      plan.reduction = dst.sbp[a].kind;
    }
  }
  const auto given = terms.find(keep);
  if (plan.fillNeutral || given == terms.end())
    return plan;

  struct Candidate {
    Piece piece;
    const Coordinates *partial;
  };
  std::vector<Candidate> found;
  const int64_t device = dst.placement.devices[static_cast<size_t>(dstPoint)];
  for (const Term &term : given->second) {
    if (!overlap(term.box, plan.box))
      continue;
    Candidate c;
    c.piece.region = intersect(term.box, plan.box);
    c.piece.srcDevice = chooseReplica(term.replicas, device, dstPoint, distance);
    c.piece.dstDevice = device;
    c.partial = &term.partial;
    found.push_back(std::move(c));
  }
  // Terms are reduced in the order of their coordinates, which is ascending device order where each
  // has one holder. Ordering by the replica that was chosen would give different destinations
  // different bits.
  std::stable_sort(found.begin(), found.end(), [](const Candidate &a, const Candidate &b) {
    return a.piece.region == b.piece.region ? *a.partial < *b.partial
                                            : before(a.piece.region, b.piece.region);
  });
  for (size_t i = 0; i < found.size(); ++i) {
    found[i].piece.first = i == 0 || !(plan.pieces.back().region == found[i].piece.region);
    plan.pieces.push_back(std::move(found[i].piece));
  }
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
    for (const Piece &piece : exchange.receive(point, distance).pieces)
      elements += piece.srcDevice != piece.dstDevice ? piece.region.elements() : 0;
  return elements;
}

} // namespace of
