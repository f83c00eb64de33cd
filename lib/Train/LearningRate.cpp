#include "lib/Train/LearningRate.h"

using namespace mlir;

namespace of {

static constexpr double pi = 3.14159265358979323846;

// factor ^ floor(t / every)
static Value stepFactor(Formula f, const Job &job, Value step, Type f64) {
  const JobSchedule &s = job.schedule;
  int64_t every = s.everySteps ? s.everySteps : s.everyEpochs * job.epochSteps();
  Value drops = f.cast(f.div(step, f.like(step, every)), f64);
  return f.pow(f.scalar(f64, s.factor), drops);
}

static Value cosineFactor(Formula f, const Job &job, Value step, Type f64) {
  const JobSchedule &s = job.schedule;
  Value t = f.cast(step, f64);
  double rest = std::max<int64_t>(job.totalSteps() - s.warmupSteps, 1);
  Value x = f.div(f.add(t, -double(s.warmupSteps)), f.scalar(f64, rest));
  Value swing = f.add(f.cos(f.mul(x, pi)), 1);
  Value factor = f.add(f.mul(swing, (1 - s.final) / 2), s.final);
  if (!s.warmupSteps)
    return factor;
  Value rising = f.div(f.add(t, 1), f.scalar(f64, s.warmupSteps));
  return f.select(f.less(t, f.scalar(f64, s.warmupSteps)), rising, factor);
}

Value learningRate(Formula f, const Job &job, Value step) {
  Type f64 = f.b.getF64Type();
  switch (job.schedule.kind) {
  case JobSchedule::Kind::Constant:
    return f.scalar(f64, job.optimizer.lr);
  case JobSchedule::Kind::Step:
    return f.mul(stepFactor(f, job, step, f64), job.optimizer.lr);
  case JobSchedule::Kind::Cosine:
    return f.mul(cosineFactor(f, job, step, f64), job.optimizer.lr);
  }
  return {};
}

} // namespace of
