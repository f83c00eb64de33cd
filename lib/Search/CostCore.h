// What is left of a cost network after its reduction, laid out for speed: tables of all nodes and
// edges in one array each, every edge in both directions, bytes beyond what is used in any case.
//
// Invariant: every option has, across every edge, a partner with which it is not forbidden. So the
// least of a table's column or row is finite, and messages never are infinite. Built once by
// CostReduction, then read only.
#pragma once

#include "lib/Search/CostRows.h"

namespace of::search {

/// Bytes that a node's options use in rows [lo, hi); the least of them is 0. The demands of a node
/// share no row.
struct CoreDemand {
  RowRange rows;
  size_t bytes = 0; ///< of the first option, in CostCore::bytes
};

/// An edge as one of its ends sees it.
struct CoreLink {
  uint32_t other = 0;
  size_t out = 0;     ///< in CostCore::tables: my options x the other's
  size_t in = 0;      ///< the other's options x mine
  size_t message = 0; ///< first entry of the message to me
  size_t reply = 0;   ///< first entry of the message to the other
};

struct CostCore {
  uint32_t nodes = 0;
  double constant = 0;             ///< cost of everything that was decided
  std::vector<size_t> firstCost;   ///< nodes + 1
  std::vector<double> costs;       ///< of the options of all nodes
  std::vector<size_t> firstLink;   ///< nodes + 1
  std::vector<CoreLink> links;     ///< ascending by the other end
  std::vector<double> tables;      ///< of all edges, in both directions
  std::vector<size_t> firstDemand; ///< nodes + 1
  std::vector<CoreDemand> demands;
  std::vector<int64_t> bytes;    ///< of the options of all demands
  std::vector<int64_t> capacity; ///< of each row, beyond what is used in any case
  size_t messageEntries = 0;

  uint32_t options(uint32_t node) const { return uint32_t(firstCost[node + 1] - firstCost[node]); }
  const double *cost(uint32_t node) const { return costs.data() + firstCost[node]; }
  const CoreLink *linksBegin(uint32_t node) const { return links.data() + firstLink[node]; }
  const CoreLink *linksEnd(uint32_t node) const { return links.data() + firstLink[node + 1]; }
  const CoreDemand *demandsBegin(uint32_t node) const { return demands.data() + firstDemand[node]; }
  const CoreDemand *demandsEnd(uint32_t node) const {
    return demands.data() + firstDemand[node + 1];
  }
  uint32_t rows() const { return uint32_t(capacity.size()); }
  /// Without the constant.
  double costOf(const Choice &choice) const;
};

} // namespace of::search
