// The floor of a plan's training step: step-floor JOB.plan
//
// Prints JSON: for each compute call of the first role's training program, in order, its task and
// place in it, and the least seconds one thread could need: a product or convolution at the
// library's rate for this very shape, anything else its bytes (each operand read once, each result
// written once) at the rate of a triad over as much memory as the plan's chunks have.
#include "benchmarks/training-step/Rates.h"
#include "runtime/schema/PlanFile.h"

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <omp.h>

namespace {

using namespace of;
using Json = nlohmann::json;

/// Rates by call, each measured once.
class Floors {
public:
  explicit Floors(double bytesPerSecond) : bytesPerSecond_(bytesPerSecond) {}

  Json of(const plan::Call &call) {
    Json out = {{"name", call.name()->str()}, {"flops", call.flops()}, {"bytes", call.bytes()}};
    const std::string library =
        call.library() && call.object() < 0 ? call.library()->name()->str() : "";
    out["library"] = library;
    const bool product = library == "matmul", convolution = library.rfind("conv2d", 0) == 0;
    if ((product || convolution) && call.library()->dtype() == plan::DType::F32) {
      const bench::Rate rate = measured(*call.library(), product);
      out["seconds"] = rate.seconds;
      out["by"] = rate.by;
      out["routine_seconds"] = rate.routineSeconds;
      out["ints"] =
          std::vector<int64_t>(call.library()->ints()->begin(), call.library()->ints()->end());
    } else {
      out["seconds"] = call.bytes() / bytesPerSecond_;
    }
    return out;
  }

private:
  bench::Rate measured(const plan::Library &library, bool product) {
    std::string key = library.name()->str();
    for (int64_t i : *library.ints())
      key += " " + std::to_string(i);
    const auto [at, isNew] = rates_.try_emplace(key);
    if (isNew)
      at->second = product ? bench::matmulRate(library) : bench::convolutionRate(library);
    return at->second;
  }

  const double bytesPerSecond_;
  std::map<std::string, bench::Rate> rates_;
};

Json floorOf(const plan::Plan &plan) {
  const plan::Role &role = *plan.roles()->Get(0);
  size_t bytes = 0;
  for (const plan::Chunk *chunk : *role.chunks())
    bytes += chunk->bytes();
  const double rate = bench::triadRate(bytes);
  Floors floors(rate);
  Json calls = Json::array();
  for (uint32_t p = 0; p < plan.programs()->size(); ++p) {
    if (plan.programs()->Get(p)->kind() != plan::ProgramKind::Train)
      continue;
    for (const plan::Task *task : *role.programs()->Get(p)->tasks()) {
      const plan::Segment *segment = task->body_as_Segment();
      for (uint32_t c = 0; segment && c < segment->calls()->size(); ++c) {
        Json call = floors.of(*segment->calls()->Get(c));
        call["task"] = task->name()->str();
        call["call"] = c;
        call["firings"] = task->firings();
        calls.push_back(std::move(call));
      }
    }
  }
  return {{"bytes", bytes}, {"bytes_per_second", rate}, {"calls", std::move(calls)}};
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: step-floor JOB.plan\n");
    return 2;
  }
  omp_set_num_threads(1);
  const auto file = rt::PlanFile::open(argv[1]);
  if (!file.isOk()) {
    std::fprintf(stderr, "step-floor: %s\n", file.status().message().c_str());
    return 2;
  }
  std::printf("%s\n", floorOf(file->plan()).dump(1).c_str());
  return 0;
}
