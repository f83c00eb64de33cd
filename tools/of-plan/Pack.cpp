#include "tools/of-plan/Pack.h"

#include "tools/of-plan/BufferFile.h"
#include "tools/of-plan/TextFile.h"

#include <fmt/format.h>

namespace of::planTool {

namespace {

std::string report(const search::PackingProblem &problem, const search::PackingSolution &solution) {
  const search::MaxLive live = search::maxLive(problem);
  const double over = live.bytes ? double(solution.peak) / double(live.bytes) : 1;
  std::string out = fmt::format("buffers   {}\n", problem.buffers.size());
  out += fmt::format("peak      {} bytes, {:.4f} x max-live\n", solution.peak, over);
  out += fmt::format("max-live  {} bytes at time {}\n", live.bytes, live.time);
  out += fmt::format("bound     {} bytes\n", solution.bound);
  if (problem.capacity)
    out += fmt::format("capacity  {} bytes\n", *problem.capacity);
  return out + fmt::format("work      {} units\n", solution.work);
}

} // namespace

Result<Packed> packBuffers(const PackCommand &command) {
  OF_ASSIGN(BufferFile file, readBuffers(command.buffers, command.alignment));
  file.problem.capacity = command.capacity;
  search::PackingOptions options;
  options.budget = command.work;
  options.seed = command.seed;
  options.tolerance = 0;
  const Result<search::PackingSolution> solution = search::pack(file.problem, options);
  if (!solution.isOk())
    return solution.status().withContext(command.buffers);
  OF_TRY(solution->verify(file.problem));
  Packed packed{withOffsets(file, solution->offsets), report(file.problem, *solution)};
  if (!command.output.empty())
    OF_TRY(writeTextFile(command.output, packed.csv));
  return packed;
}

} // namespace of::planTool
