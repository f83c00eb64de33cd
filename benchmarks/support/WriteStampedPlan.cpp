// write-stamped-plan KIND NODES one|many BYTES ITERATIONS FILE
//
// KIND: all-reduce, all-reduce-two-steps, round-trip, or tasks (ten of a millisecond, then an
// all-reduce). NODES processes on one host or on as many; prints how many time stamps the processor
// counts in a nanosecond.
#include "benchmarks/support/StampedPlan.h"
#include "runtime/schema/PlanFile.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <x86intrin.h>

namespace {

double stampsPerNs() {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const uint64_t first = __rdtsc();
  auto now = start;
  while (now - start < std::chrono::milliseconds(50))
    now = Clock::now();
  return static_cast<double>(__rdtsc() - first) /
         std::chrono::duration<double, std::nano>(now - start).count();
}

of::plan::PlanT planOf(const std::string &kind, const of::bench::StampedOptions &options,
                       double perNs) {
  constexpr uint32_t kTasks = 10;
  constexpr double kTaskNs = 1e6;
  if (kind == "tasks")
    return of::bench::tasksPlan(options, kTasks, static_cast<int64_t>(perNs * kTaskNs));
  if (kind == "round-trip")
    return of::bench::roundTripPlan(options);
  if (kind == "all-reduce" || kind == "all-reduce-two-steps")
    return of::bench::allReducePlan(options, kind != "all-reduce");
  throw std::runtime_error("there is no plan '" + kind + "'");
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 7) {
    std::fprintf(stderr,
                 "usage: write-stamped-plan all-reduce|all-reduce-two-steps|round-trip|tasks NODES "
                 "one|many BYTES ITERATIONS FILE\n");
    return 2;
  }
  const std::string kind = argv[1];
  const double perNs = stampsPerNs();
  of::bench::StampedOptions options;
  options.nodes = static_cast<uint32_t>(std::atoi(argv[2]));
  options.oneHost = std::string(argv[3]) == "one";
  options.bytes = static_cast<uint64_t>(std::atoll(argv[4]));
  options.iterations = static_cast<uint64_t>(std::atoll(argv[5]));
  options.kernels = OF_STAMP_KERNELS;
  try {
    const of::Status status = of::rt::writePlan(argv[6], planOf(kind, options, perNs));
    if (!status.isOk())
      throw std::runtime_error(status.message());
  } catch (const std::exception &error) {
    std::fprintf(stderr, "write-stamped-plan: %s\n", error.what());
    return 1;
  }
  std::printf("%.6f\n", perNs);
  return 0;
}
