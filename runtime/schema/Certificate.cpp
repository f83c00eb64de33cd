#include "runtime/schema/Certificate.h"

#include "runtime/schema/Dependencies.h"
#include "runtime/schema/Solve.h"

namespace of::rt {

namespace {

/// Larger numbers are damage; sums of a few products of smaller ones fit 128 bits.
constexpr int64_t kMaxTime = int64_t(1) << 60;

class Checker {
public:
  Checker(const plan::Plan &plan, uint32_t program) : tasks_(plan, program) {}

  Status run() {
    for (uint32_t r = 0; r < tasks_.plan().roles()->size(); ++r)
      OF_TRY(collect(r));
    OF_ASSIGN(const std::vector<FiringDependency> firings, firingDependencies(tasks_));
    for (const Dependency &d : foldDependencies(tasks_, firings))
      OF_TRY(check(d));
    return Status::ok();
  }

private:
  Status refused(const std::string &what) const {
    return Status(Code::Refused,
                  "program " + tasks_.plan().programs()->Get(tasks_.program())->name()->str() +
                      ": " + what);
  }
  static bool inRange(int64_t value) { return value >= -kMaxTime && value <= kMaxTime; }

  Status collect(uint32_t role) {
    const plan::RoleProgram &program = tasks_.roleProgram(role);
    const plan::Certificate &certificate = *program.certificate();
    const std::string who =
        "the certificate of role " + tasks_.plan().roles()->Get(role)->name()->str();
    if (certificate.offsets()->size() != program.tasks()->size() ||
        certificate.durations()->size() != program.tasks()->size())
      return refused(who + " does not have one offset and one duration for each of its " +
                     std::to_string(program.tasks()->size()) + " tasks");
    if (certificate.step_period() < 1 || certificate.micro_period() < 0 ||
        !inRange(certificate.step_period()) || !inRange(certificate.micro_period()))
      return refused(who + " has the periods " + std::to_string(certificate.step_period()) +
                     " and " + std::to_string(certificate.micro_period()));
    if (role == 0) {
      step_ = certificate.step_period();
      micro_ = certificate.micro_period();
    } else if (step_ != certificate.step_period() || micro_ != certificate.micro_period()) {
      return refused(who + " has other periods than that of the first role");
    }
    for (uint32_t t = 0; t < program.tasks()->size(); ++t) {
      offsets_.push_back(certificate.offsets()->Get(t));
      durations_.push_back(certificate.durations()->Get(t));
      if (durations_.back() < 1 || !inRange(durations_.back()) || !inRange(offsets_.back()))
        return refused(who + " gives task " + program.tasks()->Get(t)->name()->str() +
                       " the offset " + std::to_string(offsets_.back()) + " and the duration " +
                       std::to_string(durations_.back()));
    }
    return Status::ok();
  }

  Status check(const Dependency &d) {
    using Wide = __int128;
    const Wide earliest =
        Wide(offsets_[d.from]) + durations_[d.from] + Wide(d.micro) * micro_ + Wide(d.step) * step_;
    const Wide late = earliest - offsets_[d.to];
    if (late <= 0)
      return Status::ok();
    const std::string by = late > kMaxTime ? "far" : std::to_string(int64_t(late)) + " ns";
    std::string what = "the certificate does not hold: " + describe(tasks_, d.extreme) +
                       ", and would start " + by + " too early";
    const auto solution = solveCertificate(tasks_, clampedDurations());
    if (solution.isOk() && !solution->found)
      return refused(what + ". The program " + describe(*solution));
    return refused(what + "; the plan was altered, compile it again");
  }

  std::vector<int64_t> clampedDurations() const {
    std::vector<int64_t> out;
    for (int64_t duration : durations_)
      out.push_back(std::min(duration, kMaxDurationNs));
    return out;
  }

  const ProgramTasks tasks_;
  std::vector<int64_t> offsets_, durations_; ///< by node
  int64_t step_ = 0, micro_ = 0;
};

} // namespace

Status checkCertificate(const plan::Plan &plan, uint32_t program) {
  return Checker(plan, program).run();
}

} // namespace of::rt
