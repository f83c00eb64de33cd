// Reduces a cost network as far as it goes without losing all optimal choices, and leads choices
// back.
//
//   CostNetwork ─▶ CostGraph ─ rules until nothing changes ─▶ CostCore
//        ▲                                                       │
//        └──────────────── expand ◀── Choice of the core ◀───────┘
//
// Rules: options without partner go; single options are folded; an option that costs and uses no
// less than another whatever the neighbours do goes; a leaf keeps, for each option of its
// neighbour, what is cheapest or smallest; a node whose option follows from a neighbour's merges
// with it; a node between two others that uses no bytes becomes a table between them; tables that
// are sums of a column and a row become costs of nodes; rows that fit whatever is chosen go.
//
// Whether bytes count is the caller's choice: without them the result is a relaxation. One node may
// be kept, so that its options can be compared. Owned by one caller.
#pragma once

#include "lib/Search/CostGraph.h"

namespace of::search {

class CostReduction {
public:
  CostReduction(const CostNetwork &network, bool withBytes, std::optional<uint32_t> keep,
                uint64_t &work);

  /// False if nothing fits; `conflict` says why.
  bool run();
  const Conflict &conflict() const { return conflict_; }
  CostCore core();

  /// The row of the core in which what must be used exceeds the limit most.
  std::optional<UsagePeak> overfull(const CostCore &core) const;

  /// After core(). Of the whole network, from options of the core.
  Choice expand(const Choice &core) const;
  /// The core's options closest to a choice of the whole network.
  Choice project(const Choice &whole) const;
  /// Options of the core's node, as numbers of the network.
  const std::vector<uint32_t> &options(uint32_t node) const { return options_[node]; }
  uint32_t original(uint32_t node) const { return original_[node]; }

private:
  bool addRows();
  void addDemands(CostCore &core);
  bool dropSlackRows();
  bool settle();
  void visitEdge(uint32_t edge);
  bool trySplit(uint32_t edge);
  bool tryFollow(uint32_t edge, uint32_t leader);
  void visitNode(uint32_t node);
  void settleDemands(uint32_t node);
  void visitLeaf(uint32_t leaf);
  bool cheapToBridge(uint32_t node) const;
  bool shave(uint32_t node);
  class Dominance;
  bool usesNoMore(uint32_t node, uint32_t k, uint32_t than) const;

  const CostNetwork &network_;
  const bool withBytes_;
  const std::optional<uint32_t> keep_;
  uint64_t &work_;
  CostGraph graph_;
  CostRows rows_;
  std::vector<char> rowOpen_; ///< rows that can still overflow
  Conflict conflict_;
  std::vector<uint32_t> original_;
  std::vector<std::vector<uint32_t>> options_;
};

} // namespace of::search
