// The floor of a plan's training step: step-floor JOB.plan [THREADS]
//
// Prints JSON: for each compute call of the first role's training program, in order, its task and
// place in it, and the least seconds each of THREADS threads (1) could need that all do such a call
// at once: a product or convolution at the library's rate for this very shape, with those operands
// in memory that no cache can hold any more (Reuse.h); anything else its bytes (each operand read
// once, each result written once) at the rate of a triad over as much memory as the plan's chunks
// have. A device of THREADS threads can take no less than so long divided by THREADS.
#include "benchmarks/training-step/Rates.h"
#include "benchmarks/training-step/Reuse.h"
#include "runtime/schema/PlanFile.h"

#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

namespace {

using namespace of;
using Json = nlohmann::json;

/// Rates by call and by what of it is cold, each measured once.
class Floors {
public:
  Floors(double bytesPerSecond, int threads) : bytesPerSecond_(bytesPerSecond), threads_(threads) {}

  Json of(const plan::Call &call, const std::array<bool, 2> &cold) {
    Json out = {{"name", call.name()->str()}, {"flops", call.flops()}, {"bytes", call.bytes()}};
    const std::string library =
        call.library() && call.object() < 0 ? call.library()->name()->str() : "";
    out["library"] = library;
    const bool product = library == "matmul", convolution = library.rfind("conv2d", 0) == 0;
    if ((product || convolution) && call.library()->dtype() == plan::DType::F32) {
      const bench::Rate rate = measured(*call.library(), product, cold);
      out["seconds"] = rate.seconds;
      out["by"] = rate.by;
      out["routine_seconds"] = rate.routineSeconds;
      out["cold"] = cold;
      out["ints"] =
          std::vector<int64_t>(call.library()->ints()->begin(), call.library()->ints()->end());
    } else {
      out["seconds"] = call.bytes() / bytesPerSecond_;
    }
    return out;
  }

private:
  bench::Rate measured(const plan::Library &library, bool product,
                       const std::array<bool, 2> &cold) {
    std::string key = library.name()->str();
    for (int64_t i : *library.ints())
      key += " " + std::to_string(i);
    for (bool operand : cold)
      key += operand ? " cold" : " warm";
    const auto [at, isNew] = rates_.try_emplace(key);
    const bench::Conditions conditions{threads_, cold};
    if (isNew)
      at->second = product ? bench::matmulRate(library, conditions)
                           : bench::convolutionRate(library, conditions);
    return at->second;
  }

  const double bytesPerSecond_;
  const int threads_;
  std::map<std::string, bench::Rate> rates_;
};

/// A call of the training program, its place, and how often it runs.
struct PlacedCall {
  const plan::Call *call;
  const plan::Task *task;
  uint32_t index;
};

std::vector<PlacedCall> trainingCalls(const plan::Plan &plan) {
  std::vector<PlacedCall> out;
  for (uint32_t p = 0; p < plan.programs()->size(); ++p) {
    if (plan.programs()->Get(p)->kind() != plan::ProgramKind::Train)
      continue;
    for (const plan::Task *task : *plan.roles()->Get(0)->programs()->Get(p)->tasks()) {
      const plan::Segment *segment = task->body_as_Segment();
      for (uint32_t c = 0; segment && c < segment->calls()->size(); ++c)
        out.push_back({segment->calls()->Get(c), task, c});
    }
  }
  return out;
}

Json floorOf(const plan::Plan &plan, int threads) {
  const plan::Role &role = *plan.roles()->Get(0);
  size_t bytes = 0;
  for (const plan::Chunk *chunk : *role.chunks())
    bytes += chunk->bytes();
  const double rate = bench::triadRate(bytes, threads);
  Floors floors(rate, threads);
  const std::vector<PlacedCall> placed = trainingCalls(plan);
  bench::Reuse reuse(role, bench::largestCacheBytes());
  for (const PlacedCall &at : placed)
    reuse.touch(*at.call); // the step before
  Json calls = Json::array();
  for (const PlacedCall &at : placed) {
    std::array<bool, 2> cold{};
    for (uint32_t i = 0; i < cold.size() && i < at.call->buffers()->size(); ++i)
      cold[i] = at.call->object() < 0 && reuse.isCold(*at.call, i);
    reuse.touch(*at.call);
    Json call = floors.of(*at.call, cold);
    call["task"] = at.task->name()->str();
    call["call"] = at.index;
    call["firings"] = at.task->firings();
    calls.push_back(std::move(call));
  }
  return {{"bytes", bytes}, {"bytes_per_second", rate}, {"calls", std::move(calls)}};
}

/// Nothing if it is no number of threads.
std::optional<int> threadsOf(const char *text) {
  int out = 0;
  const char *end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, out);
  constexpr int most = 1024;
  return error == std::errc() && at == end && out >= 1 && out <= most ? std::optional(out)
                                                                      : std::nullopt;
}

} // namespace

int main(int argc, char **argv) {
  const std::optional<int> threads = argc == 3 ? threadsOf(argv[2]) : std::optional(1);
  if (argc < 2 || argc > 3 || !threads) {
    std::fprintf(stderr, "usage: step-floor JOB.plan [THREADS], THREADS from 1 to 1024\n");
    return 2;
  }
  const auto file = rt::PlanFile::open(argv[1]);
  if (!file.isOk()) {
    std::fprintf(stderr, "step-floor: %s\n", file.status().message().c_str());
    return 2;
  }
  std::printf("%s\n", floorOf(file->plan(), *threads).dump(1).c_str());
  return 0;
}
