#include "lib/Distribute/Versions.h"

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
    double move = fromMade[to];
    for (unsigned from = 0; from < needs.size(); ++from)
      if (rest >> from & 1)
        move = std::min(move, between[from][to]);
    double seconds = (rest ? known.lookup(rest) : 0) + move;
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

std::vector<std::vector<double>>
VersionTrees::secondsByMesh(DistAttr made, ArrayRef<unsigned> meshOf, unsigned meshes) const {
  std::vector<double> fromMade = leaves(made);
  llvm::DenseMap<uint64_t, double> known;
  llvm::DenseMap<uint64_t, size_t> place;
  std::vector<std::vector<double>> out;
  for (auto [s, set] : llvm::enumerate(sets)) {
    auto [seconds, to] = last(set, fromMade, known);
    known[set] = seconds;
    place[set] = s;
    if (!std::isfinite(seconds)) { // no tree
      out.push_back(std::vector<double>(meshes, 0));
      continue;
    }
    const uint64_t rest = set & ~(uint64_t(1) << to);
    out.push_back(rest ? out[place.lookup(rest)] : std::vector<double>(meshes, 0));
    out.back()[meshOf[to]] += seconds - (rest ? known.lookup(rest) : 0);
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
