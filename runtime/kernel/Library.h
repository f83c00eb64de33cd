// Library routines: what a plan calls by name instead of generating it (matrix products,
// convolutions, row gathers).
//
// The README of this folder lists every routine with its attributes, buffers and tiles. All
// preparation happens in makeRoutine: primitives are created, sizes and attributes are checked, so
// that run is a loop over calls that cannot fail. Libraries run single-threaded inside a tile;
// parallelism is tiles only. The bits of a result depend on the attributes, the tile count, the
// library version and the ISA, never on timing.
//
//   plan::Library, tiles, buffer sizes ──makeRoutine──▶ Routine ──run(buffers, scalars, tiles)──▶ …
//
// A routine is owned by the device that runs it. Different tiles of one routine may run on
// different threads at a time; the same tile runs on one thread at a time.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/plan_generated.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace of::rt {

class Routine {
public:
  virtual ~Routine();

  /// Runs tiles [tileBegin, tileEnd) of the `tiles` given to makeRoutine; all of them together are
  /// one call. Same signature as a generated kernel. Buffers hold at least the bytes that were
  /// checked, 64-byte aligned for speed only.
  virtual void run(void *const *buffers, const int64_t *scalars, int64_t tileBegin,
                   int64_t tileEnd) = 0;
};

/// Prepares a routine for a call of `tiles` tiles whose buffers have these sizes. Any tile count
/// >= 1 is accepted; tiles above maxTiles do nothing. InvalidArgument names the routine and what is
/// wrong with it: unknown name, dtype, attribute, too small a buffer (scratch included).
Result<std::unique_ptr<Routine>> makeRoutine(const plan::Library &library, int64_t tiles,
                                             const std::vector<size_t> &bufferBytes);

/// Bytes of the scratch buffer of a call of `tiles` tiles; 0 for routines without one. A function
/// of its arguments, the library version and the ISA of this host: what `of-run probe --scratch`
/// prints.
Result<size_t> scratchBytes(const plan::Library &library, int64_t tiles);

/// Scalars that `run` reads; 0 for a routine that is unknown.
size_t scalarsOf(const plan::Library &library);

/// The most tiles that get work; a routine that is unknown or malformed has 1.
int64_t maxTiles(const plan::Library &library);

/// Names and versions of the libraries behind the routines, for Plan.libraries and the join check:
/// {"onednn", "2.6.3"}, {"openblas", "0.3.21"}.
std::vector<std::pair<std::string, std::string>> libraryVersions();

} // namespace of::rt
