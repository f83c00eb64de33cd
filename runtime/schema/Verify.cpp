#include "runtime/schema/Verify.h"

#include "runtime/schema/Certificate.h"

namespace of::rt {

Status verifyPlan(const plan::Plan &plan) {
  OF_TRY(verifyStructure(plan));
  OF_TRY(verifyMemory(plan));
  for (uint32_t p = 0; p < plan.programs()->size(); ++p)
    OF_TRY(checkCertificate(plan, p));
  return Status::ok();
}

} // namespace of::rt
