#include "runtime/base/Exchange.h"

#include <algorithm>
#include <map>

namespace of {

namespace {

using Coordinates = std::vector<int64_t>;

/// The source devices that hold the same term of a reduction of the same box: any of them will do.
struct Term {
  Box box;
  Coordinates partial; ///< coordinates on the axes that are reduced
  std::vector<int64_t> replicas;
};

/// Axes of the source that are partial and that the destination keeps so.
std::vector<bool> keptAxes(const Layout &src, const Layout &dst) {
  std::vector<bool> kept(src.sbp.size(), false);
  if (src.placement == dst.placement)
    for (size_t a = 0; a < kept.size(); ++a)
      kept[a] = src.sbp[a].isPartial() && src.sbp[a] == dst.sbp[a];
  return kept;
}

/// Everything about a source layout that all destinations share.
class Sources {
public:
  Sources(const Shape &shape, const Layout &src, const Layout &dst) : kept_(keptAxes(src, dst)) {
    // By (split coordinates, kept coordinates, partial coordinates): replicas differ in the
    // broadcast axes only.
    std::map<std::vector<int64_t>, size_t> index;
    for (int64_t point = 0; point < src.placement.size(); ++point) {
      const Coordinates at = src.placement.coordinates(point);
      Coordinates key, keep, partial;
      for (size_t a = 0; a < src.sbp.size(); ++a) {
        key.push_back(src.sbp[a].isBroadcast() ? -1 : at[a]);
        if (src.sbp[a].isPartial())
          (kept_[a] ? keep : partial).push_back(at[a]);
      }
      const auto [it, fresh] = index.emplace(key, terms_.size());
      if (fresh) {
        terms_.push_back({boxAt(shape, src, point), partial, {}});
        keeps_.push_back(keep);
      }
      terms_[it->second].replicas.push_back(src.placement.devices[static_cast<size_t>(point)]);
    }
    for (const Sbp &sbp : src.sbp)
      if (sbp.isPartial())
        reduction_ = sbp.kind;
  }

  const std::vector<bool> &kept() const { return kept_; }
  SbpKind reduction() const { return reduction_; }

  /// Calls fn(term) for the terms whose kept coordinates are these.
  template <typename Fn> void forEach(const Coordinates &keep, Fn fn) const {
    for (size_t i = 0; i < terms_.size(); ++i)
      if (keeps_[i] == keep)
        fn(terms_[i]);
  }

private:
  std::vector<bool> kept_;
  std::vector<Term> terms_;
  std::vector<Coordinates> keeps_;
  SbpKind reduction_ = SbpKind::PartialSum;
};

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

ReceivePlan planFrom(const Sources &sources, const Shape &shape, const Layout &dst,
                     int64_t dstPoint, const DistanceFn &distance) {
  ReceivePlan plan;
  plan.box = boxAt(shape, dst, dstPoint);
  plan.reduction = sources.reduction();
  const Coordinates at = dst.placement.coordinates(dstPoint);
  Coordinates keep;
  for (size_t a = 0; a < dst.sbp.size(); ++a) {
    const bool kept = a < sources.kept().size() && sources.kept()[a];
    if (kept) {
      keep.push_back(at[a]);
    } else if (dst.sbp[a].isPartial() && at[a] > 0) {
      plan.fillNeutral = true;
      plan.reduction = dst.sbp[a].kind;
    }
  }
  if (plan.fillNeutral)
    return plan;

  struct Candidate {
    Piece piece;
    const Coordinates *partial;
  };
  std::vector<Candidate> found;
  const int64_t device = dst.placement.devices[static_cast<size_t>(dstPoint)];
  sources.forEach(keep, [&](const Term &term) {
    Candidate c;
    c.piece.region = intersect(term.box, plan.box);
    if (c.piece.region.empty())
      return;
    c.piece.srcDevice = chooseReplica(term.replicas, device, dstPoint, distance);
    c.piece.dstDevice = device;
    c.partial = &term.partial;
    found.push_back(std::move(c));
  });
  // Terms are reduced in the order of their coordinates, which is ascending device order where each
  // has one holder. Ordering by the replica that was chosen would give different destinations
  // different bits.
  std::stable_sort(found.begin(), found.end(), [](const Candidate &a, const Candidate &b) {
    return a.piece.region == b.piece.region ? *a.partial < *b.partial
                                            : before(a.piece.region, b.piece.region);
  });
  for (size_t i = 0; i < found.size(); ++i) {
    found[i].piece.first = i == 0 || !(found[i - 1].piece.region == found[i].piece.region);
    plan.pieces.push_back(found[i].piece);
  }
  return plan;
}

} // namespace

ReceivePlan receivePlan(const Shape &shape, const Layout &src, const Layout &dst, int64_t dstPoint,
                        const DistanceFn &distance) {
  return planFrom(Sources(shape, src, dst), shape, dst, dstPoint, distance);
}

std::vector<Piece> sendPieces(const Shape &shape, const Layout &src, const Layout &dst,
                              int64_t srcDevice, const DistanceFn &distance) {
  const Sources sources(shape, src, dst);
  std::vector<Piece> out;
  for (int64_t point = 0; point < dst.placement.size(); ++point)
    for (Piece &piece : planFrom(sources, shape, dst, point, distance).pieces)
      if (piece.srcDevice == srcDevice)
        out.push_back(std::move(piece));
  std::stable_sort(out.begin(), out.end(),
                   [](const Piece &a, const Piece &b) { return a.dstDevice < b.dstDevice; });
  return out;
}

int64_t elementsMoved(const Shape &shape, const Layout &src, const Layout &dst,
                      const DistanceFn &distance) {
  const Sources sources(shape, src, dst);
  int64_t elements = 0;
  for (int64_t point = 0; point < dst.placement.size(); ++point)
    for (const Piece &piece : planFrom(sources, shape, dst, point, distance).pieces)
      elements += piece.srcDevice != piece.dstDevice ? piece.region.elements() : 0;
  return elements;
}

} // namespace of
