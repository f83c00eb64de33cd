// Random programs for the search: what it may meet, in little.
//
//   %g = of.micro count 4 { read; products with variables, branches, joins, gradients; yield }
//   %u = of.sub %w, %g      of.set @w, %u
//
// Up to eight ops beside reads, variables and yields; two to four devices on one node or on
// several, some of them slow, memory that may be short. Three kinds of mesh: open, given with one
// or two axes, or cut into stages, where ops have blocks. The same seed, the same text, on any
// host.
#pragma once

#include <cstdint>
#include <string>

namespace of::test {

enum class MeshKind { Open, Given, Stages };

struct Graph {
  MeshKind kind = MeshKind::Open;
  bool hasLimit = false; ///< memory of the devices
  std::string text;      ///< a module of rung Train
};

Graph randomGraph(uint64_t seed, int mostOps);

} // namespace of::test
