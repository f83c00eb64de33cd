// Times what a device does: library calls, generated-like loops, copies.
//
// A piece of work is made once for each device that runs it, then repeated. Alone, one device runs
// it; together, all devices of the host run theirs at the same time, which shows what they share.
// Others use the machine too: pieces last a millisecond or less, so that many are not interrupted,
// and the time that a quarter of them need is taken. Used by `of-run probe` from one thread.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/device/cpu/TileTeam.h"
#include "runtime/schema/plan_generated.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace of::run {

class Work {
public:
  virtual ~Work();
  virtual void run(rt::TileTeam &team) = 0;
};

/// Makes a device's work; its buffers are its own, in a chunk as a plan's are: on large pages where
/// the system has them.
using WorkFactory = std::function<Result<std::unique_ptr<Work>>(uint32_t threads)>;

/// A library call. Each run has other buffers than the one before, until they fill an area of so
/// many bytes: a step of training touches more than the inner caches hold.
WorkFactory libraryWork(plan::LibraryT call, std::vector<size_t> bufferBytes, size_t areaBytes = 0);
/// C = A B, square or not; of a batch one after the other; A and B may lie transposed.
struct ProductShape {
  int64_t m = 1, n = 1, k = 1, batch = 1;
  bool lhsTransposed = false, rhsTransposed = false;
  double flops() const;
  double movedBytes(plan::DType dtype) const; ///< read, and written after they were fetched
};
WorkFactory matmulWork(plan::DType dtype, const ProductShape &shape, size_t areaBytes = 0);
/// One of the three convolution routines, 3 x 3, between `samples` images of 28 x 28 with so many
/// channels and as many with 32.
struct ConvolutionShape {
  int64_t samples = 1, channels = 32;
  double flops() const;
  double filterWeights() const; ///< results of the gradient of the filters
  double depth() const;         ///< products behind one result of the forward pass
  /// Read, and written after they were fetched, by that routine.
  double movedBytes(const std::string &routine, plan::DType dtype) const;
};
WorkFactory convolutionWork(const std::string &routine, plan::DType dtype,
                            const ConvolutionShape &shape, size_t areaBytes = 0);
/// Copies `bytes`, the next of `total` in each run, split over the threads.
WorkFactory copyWork(size_t bytes, size_t total);
/// An optimizer's update with momentum: of three arrays of `bytes`, the next of `total` in each
/// run, all are read and two written in place. `shared`: in memory that processes share, as the
/// chunks of several nodes are, whose pages may be smaller.
WorkFactory updateWork(size_t bytes, size_t total, bool shared);
/// Bytes that updateWork reads and writes, for each of `bytes`.
inline constexpr double updateBytes = 5;
/// How often a run does the three below: they are short.
inline constexpr int cachedRepeats = 16;
/// An update of three arrays by a fourth, of so many fp32 elements in cache: additions and
/// products.
WorkFactory elementWork(int64_t elements);
/// Operations that elementWork does on an element, as the compiler counts them.
inline constexpr double elementOps = 11;
/// y = exp(x) over so many fp32 elements, a multiple of 16 for each thread, in cache.
WorkFactory functionWork(int64_t elements);
/// The sums of so many rows of fp32 elements in cache.
WorkFactory foldWork(int64_t rows, int64_t columns);
/// Nothing, a thousand times.
WorkFactory launchWork();

/// Seconds of one run on one device while nobody else works.
Result<double> alone(const WorkFactory &factory, uint32_t threads);
/// ... while `devices` of them run theirs.
Result<double> together(const WorkFactory &factory, uint32_t threads, uint32_t devices);

/// Seconds to fetch bytes that another thread wrote.
double fetchSeconds(size_t bytes);
/// Seconds from the end of a device's work until it has heard that all others have done theirs:
/// what an exchange costs beside its bytes. All devices do the work again and again and wait in
/// between, as workers wait; those that are done first wait for the last.
Result<double> handOverSeconds(const WorkFactory &factory, uint32_t threads, uint32_t devices);
/// Bytes per second read from a file in the folder that no cache holds; 0 if it cannot be written.
double diskRate(const std::string &folder);

} // namespace of::run
