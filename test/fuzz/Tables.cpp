#include "test/fuzz/InputFile.h"
#include "test/fuzz/Targets.h"
#include "tools/of-plan/BufferFile.h"
#include "tools/of-plan/CostFile.h"

namespace of::fuzz {

std::string tables(std::string_view input) {
  static InputFile file;
  if (input.empty())
    return "no format";
  file.assign(input.substr(1));
  switch (input[0] % 3) {
  case 0: {
    const auto buffers = planTool::readBuffers(file.path(), 64);
    return messageOf(buffers ? buffers->problem.check() : buffers.status());
  }
  case 1: {
    const auto cost = planTool::readCostFile(file.path());
    return messageOf(cost ? cost->network.check() : cost.status());
  }
  default:
    return messageOf(planTool::readChoice(file.path()).status());
  }
}

} // namespace of::fuzz
