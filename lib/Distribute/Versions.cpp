#include "lib/Distribute/Versions.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace of {

SmallVector<uint64_t> versionSets(unsigned count, unsigned mostVersions) {
  SmallVector<uint64_t> out;
  // Each set with one element more, larger than all it has: every set arises once.
  for (unsigned i = 0; i < count; ++i)
    out.push_back(uint64_t(1) << i);
  size_t begin = 0;
  for (unsigned size = 2; size <= mostVersions; ++size) {
    size_t end = out.size();
    for (size_t at = begin; at < end; ++at)
      for (unsigned i = 0; i < count; ++i)
        if ((out[at] >> i) == 0)
          out.push_back(out[at] | uint64_t(1) << i);
    begin = end;
  }
  return out;
}

VersionTrees::VersionTrees(const DistNetwork &network, Value value, ArrayRef<DistAttr> needs,
                           ArrayRef<uint64_t> sets)
    : network(network), value(value), needs(needs), sets(sets) {
  for (DistAttr from : needs) {
    between.emplace_back();
    for (DistAttr to : needs)
      between.back().push_back(network.moveSeconds(value, from, to));
  }
}

std::vector<double> VersionTrees::leaves(DistAttr made) const {
  std::vector<double> out;
  for (DistAttr need : needs)
    out.push_back(network.moveSeconds(value, made, need));
  return out;
}

// To add a need to the set that is there.
double VersionTrees::step(uint64_t there, unsigned to, const std::vector<double> &fromMade) const {
  double move = fromMade[to];
  for (unsigned from = 0; from < needs.size(); ++from)
    if (there >> from & 1)
      move = std::min(move, between[from][to]);
  return move;
}

// The cheapest way to add one need to the rest of the set, which is there already. What is made as
// it is costs nothing and comes first.
std::pair<double, unsigned>
VersionTrees::last(uint64_t set, const std::vector<double> &fromMade,
                   const llvm::DenseMap<uint64_t, double> &known) const {
  std::pair<double, unsigned> best{std::numeric_limits<double>::infinity(), 0};
  for (unsigned to = 0; to < needs.size(); ++to) {
    if (!(set >> to & 1))
      continue;
    uint64_t rest = set & ~(uint64_t(1) << to);
    double seconds = (rest ? known.lookup(rest) : 0) + step(rest, to, fromMade);
    if (seconds < best.first)
      best = {seconds, to};
  }
  return best;
}

std::vector<double> VersionTrees::secondsFrom(DistAttr made) const {
  std::vector<double> fromMade = leaves(made), out;
  llvm::DenseMap<uint64_t, double> known;
  for (uint64_t set : sets)
    out.push_back(known[set] = last(set, fromMade, known).first);
  return out;
}

/// Of equally cheap ways to a set so many are told apart.
static constexpr size_t mostWays = 8;

static bool isNear(double l, double r) { return std::abs(l - r) <= 1e-12 * std::abs(r); }

static bool isKnown(const VersionWay &way, ArrayRef<VersionWay> ways) {
  return llvm::any_of(ways, [&](const VersionWay &other) {
    return std::equal(way.seconds.begin(), way.seconds.end(), other.seconds.begin(), isNear);
  });
}

std::vector<SmallVector<VersionWay>>
VersionTrees::waysFrom(DistAttr made, ArrayRef<unsigned> meshOf, unsigned meshes) const {
  const std::vector<double> fromMade = leaves(made);
  const SmallVector<VersionWay> nothing{{{}, std::vector<double>(meshes, 0)}};
  llvm::DenseMap<uint64_t, double> known;
  llvm::DenseMap<uint64_t, size_t> place;
  std::vector<SmallVector<VersionWay>> out;
  for (auto [s, set] : llvm::enumerate(sets)) {
    const auto [least, first] = last(set, fromMade, known);
    known[set] = least;
    place[set] = s;
    SmallVector<VersionWay> ways;
    auto addLast = [&](unsigned to) {
      const uint64_t rest = set & ~(uint64_t(1) << to);
      const double move = step(rest, to, fromMade);
      if (!isNear((rest ? known.lookup(rest) : 0) + move, least))
        return;
      for (VersionWay way : rest ? out[place.lookup(rest)] : nothing) {
        way.order.push_back(to);
        way.seconds[meshOf[to]] += move;
        if (ways.size() < mostWays && !isKnown(way, ways))
          ways.push_back(std::move(way));
      }
    };
    if (std::isfinite(least)) {
      addLast(first);
      for (unsigned to = 0; to < needs.size(); ++to)
        if ((set >> to & 1) && to != first)
          addLast(to);
    }
    out.push_back(std::move(ways));
  }
  return out;
}

SmallVector<unsigned> VersionTrees::orderFrom(DistAttr made, uint64_t set) const {
  std::vector<double> fromMade = leaves(made);
  llvm::DenseMap<uint64_t, double> known;
  for (uint64_t part : sets)
    if ((part & ~set) == 0)
      known[part] = last(part, fromMade, known).first;
  SmallVector<unsigned> out;
  for (uint64_t rest = set; rest; rest &= ~(uint64_t(1) << out.back()))
    out.push_back(last(rest, fromMade, known).second);
  std::reverse(out.begin(), out.end());
  return out;
}

SmallVector<VersionWay> versionWays(const DistNetwork &network, Value value, DistAttr made,
                                    ArrayRef<DistAttr> needs, ArrayRef<unsigned> meshOf,
                                    unsigned meshes) {
  const SmallVector<uint64_t> sets = versionSets(needs.size(), needs.size());
  return VersionTrees(network, value, needs, sets).waysFrom(made, meshOf, meshes).back();
}

SmallVector<unsigned> versionOrder(const DistNetwork &network, Value value, DistAttr made,
                                   ArrayRef<DistAttr> needs) {
  if (needs.size() < 2 || needs.size() > mostOrderedNeeds)
    return llvm::to_vector(llvm::seq<unsigned>(0, needs.size()));
  SmallVector<uint64_t> sets = versionSets(needs.size(), needs.size());
  return VersionTrees(network, value, needs, sets).orderFrom(made, sets.back());
}

SmallVector<std::pair<DistAttr, DistAttr>> versionMoves(const DistNetwork &network, Value value,
                                                        DistAttr made, ArrayRef<DistAttr> needs) {
  SmallVector<std::pair<DistAttr, DistAttr>> out;
  SmallVector<DistAttr> there{made};
  for (unsigned next : versionOrder(network, value, made, needs)) {
    const DistAttr to = needs[next];
    const DistAttr *nearest = llvm::min_element(there, [&](DistAttr l, DistAttr r) {
      return network.moveSeconds(value, l, to) < network.moveSeconds(value, r, to);
    });
    out.push_back({*nearest, to});
    there.push_back(to);
  }
  return out;
}

} // namespace of
