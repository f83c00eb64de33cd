#include "tools/of-run/CheckRun.h"

#include "runtime/node/Preflight.h"
#include "runtime/node/control/Checkup.h"
#include "tools/of-run/RunNode.h"

#include <cstdio>

namespace of::run {

Result<int> checkRun(Options options) {
  OF_ASSIGN(const rt::PlanFile file, rt::PlanFile::open(options.plan));
  std::vector<Status> findings = planFindings(file, options.plan);
  const bool sound = findings.empty(); // else its contents are not to be relied on
  if (!file.plan().nodes() || file.plan().nodes()->size() == 0)
    return findings.empty() ? Status(Code::Corrupt, options.plan + " has no nodes")
                            : findings.front();
  if (const Status status = completeFromEnvironment(options, file.plan().nodes()->size());
      !status.isOk())
    return findings.empty() ? status : findings.front(); // nobody to ask
  if (sound) {
    const std::vector<Status> own = rt::preflight(file.plan(), nodeOptions(file, options));
    findings.insert(findings.end(), own.begin(), own.end());
  }
  const std::vector<Status> all = rt::checkTogether(controlConfig(file, options), findings);
  if (*options.node == 0) {
    for (const Status &finding : all)
      std::fprintf(stderr, "check: %s\n", finding.message().c_str());
    if (all.empty())
      std::printf("all %u nodes are ready\n", file.plan().nodes()->size());
  }
  return all.empty() ? 0 : exitCode(all.front().code());
}

} // namespace of::run
