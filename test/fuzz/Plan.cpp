#include "runtime/actor/Build.h"
#include "runtime/schema/PlanFile.h"
#include "runtime/schema/Verify.h"
#include "test/fuzz/InputFile.h"
#include "test/fuzz/Targets.h"

namespace of::fuzz {

std::string planFile(std::string_view input) {
  static InputFile file;
  const std::vector<uint8_t> sealed =
      rt::sealPlan(reinterpret_cast<const uint8_t *>(input.data()), input.size());
  file.assign({reinterpret_cast<const char *>(sealed.data()), sealed.size()});
  const auto opened = rt::PlanFile::open(file.path());
  if (!opened)
    return messageOf(opened.status());
  const plan::Plan &plan = opened->plan();
  if (const Status status = rt::verifyPlan(plan); !status.isOk())
    return messageOf(status);
  for (uint32_t device = 0; device < plan.devices()->size(); ++device)
    if (const auto tables = rt::buildTables(plan, device); !tables)
      return messageOf(tables.status());
  return "";
}

} // namespace of::fuzz
