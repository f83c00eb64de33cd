#include "tools/of-plan/Prove.h"

#include "runtime/schema/Certificate.h"
#include "runtime/schema/Dependencies.h"
#include "runtime/schema/Verify.h"
#include "tools/of-plan/Text.h"

#include <fmt/format.h>

namespace of::planTool {

Result<std::string> prove(const plan::Plan &plan) {
  OF_TRY(rt::verifyStructure(plan));
  std::string out =
      fmt::format("structure: {} programs, {} roles, {} devices: ids, sizes, rates "
                  "and orders hold together\n",
                  plan.programs()->size(), plan.roles()->size(), plan.devices()->size());
  OF_TRY(rt::verifyMemory(plan));
  out += "memory: everything lies inside its chunk, nothing shares bytes that must not\n";
  for (uint32_t p = 0; p < plan.programs()->size(); ++p) {
    OF_TRY(rt::checkCertificate(plan, p));
    const rt::ProgramTasks tasks(plan, p);
    OF_ASSIGN(const std::vector<rt::FiringDependency> firings, rt::firingDependencies(tasks));
    const plan::Certificate &certificate = *tasks.roleProgram(0).certificate();
    out += fmt::format("program {}: cannot deadlock: {} inequalities hold over {} tasks; step {}",
                       plan.programs()->Get(p)->name()->str(),
                       rt::foldDependencies(tasks, firings).size(), tasks.size(),
                       durationText(static_cast<double>(certificate.step_period()) * 1e-9));
    if (certificate.micro_period() > 0 && plan.programs()->Get(p)->micros() > 1)
      out += fmt::format(", micro-batch {}",
                         durationText(static_cast<double>(certificate.micro_period()) * 1e-9));
    out += "\n";
  }
  return out;
}

} // namespace of::planTool
