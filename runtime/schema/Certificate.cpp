#include "runtime/schema/Certificate.h"

#include "runtime/schema/Dependencies.h"
#include "runtime/schema/Solve.h"

namespace of::rt {

namespace {

/// Larger numbers are damage; sums of a few products of smaller ones fit 128 bits.
constexpr int64_t kMaxTime = int64_t(1) << 60;

class Checker {
  using Wide = __int128;

public:
  Checker(const plan::Plan &plan, uint32_t program) : tasks_(plan, program) {}

  Status run() {
    for (uint32_t r = 0; r < tasks_.plan().roles()->size(); ++r)
      OF_TRY(collect(r));
    OF_ASSIGN(const std::vector<FiringDependency> firings, firingDependencies(tasks_));
    if (ofFirings_) {
      for (const FiringDependency &f : firings)
        OF_TRY(check(f));
      return Status::ok();
    }
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
    const uint32_t tasks = program.tasks()->size();
    uint64_t firings = 0;
    for (const plan::Task *task : *program.tasks())
      firings += task->firings();
    const bool ofFirings = certificate.offsets()->size() == firings && firings != tasks;
    if ((certificate.offsets()->size() != tasks && !ofFirings) ||
        certificate.durations()->size() != tasks)
      return refused(who + " does not have one offset and one duration for each of its " +
                     std::to_string(tasks) + " tasks, nor one offset for each of its " +
                     std::to_string(firings) + " firings");
    if (ofFirings && certificate.micro_period() != 0)
      return refused(who + " has offsets of firings and a period of micro-batches");
    ofFirings_ = ofFirings_ || ofFirings;
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
    uint32_t next = 0;
    for (uint32_t t = 0; t < tasks; ++t) {
      first_.push_back(static_cast<uint32_t>(offsets_.size()));
      durations_.push_back(certificate.durations()->Get(t));
      for (uint32_t f = 0; f < (ofFirings ? program.tasks()->Get(t)->firings() : 1); ++f) {
        offsets_.push_back(certificate.offsets()->Get(next++));
        if (durations_.back() < 1 || !inRange(durations_.back()) || !inRange(offsets_.back()))
          return refused(who + " gives task " + program.tasks()->Get(t)->name()->str() +
                         " the offset " + std::to_string(offsets_.back()) + " and the duration " +
                         std::to_string(durations_.back()));
      }
    }
    return Status::ok();
  }

  /// T of a firing in its iteration; `first_` and `offsets_` are of firings.
  int64_t timeOf(uint32_t node, int64_t micro) const {
    return offsets_[first_[node] + static_cast<uint32_t>(micro)];
  }

  Status check(const FiringDependency &f) {
    const IterationFiring from = splitFiring(f.fromFiring, tasks_.firings(f.from)),
                          to = splitFiring(f.toFiring, tasks_.firings(f.to));
    return holds(f, Wide(timeOf(f.from, from.micro)) + durations_[f.from] +
                        Wide(from.iteration - to.iteration) * step_ - timeOf(f.to, to.micro));
  }

  Status check(const Dependency &d) {
    const Wide earliest =
        Wide(offsets_[d.from]) + durations_[d.from] + Wide(d.micro) * micro_ + Wide(d.step) * step_;
    return holds(d.extreme, earliest - offsets_[d.to]);
  }

  /// `late`: by how much what waits is too early.
  Status holds(const FiringDependency &dependency, Wide late) {
    if (late <= 0)
      return Status::ok();
    const std::string by = late > kMaxTime ? "far" : std::to_string(int64_t(late)) + " ns";
    std::string what = "the certificate does not hold: " + describe(tasks_, dependency) +
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
  std::vector<int64_t> offsets_;   ///< by node, or by firing of each
  std::vector<int64_t> durations_; ///< by node
  std::vector<uint32_t> first_;    ///< of each node in offsets_
  bool ofFirings_ = false;
  int64_t step_ = 0, micro_ = 0;
};

} // namespace

Status checkCertificate(const plan::Plan &plan, uint32_t program) {
  return Checker(plan, program).run();
}

} // namespace of::rt
