#include "lib/Train/Optimizer.h"

#include "lib/Train/LearningRate.h"

using namespace mlir;

namespace of {

// 1 - beta^(t + 1). In f64: 1 - 0.999 in f32 has four good digits.
static Value biasCorrection(Formula f, double beta, Value steps) {
  Type f64 = f.b.getF64Type();
  return f.sub(f.scalar(f64, 1), f.pow(f.scalar(f64, beta), steps));
}

StepScalars stepScalars(Formula f, const Job &job, Value step, Type element) {
  const JobOptimizer &o = job.optimizer;
  StepScalars out;
  Value rate = learningRate(f, job, step);
  out.rate = f.cast(rate, element);
  if (o.kind == JobOptimizer::Kind::Sgd)
    return out;
  Value steps = f.add(f.cast(step, f.b.getF64Type()), 1);
  out.size = f.cast(f.div(rate, biasCorrection(f, o.beta1, steps)), element);
  out.correction = f.cast(f.sqrt(biasCorrection(f, o.beta2, steps)), element);
  if (o.kind == JobOptimizer::Kind::AdamW && o.weightDecay != 0)
    out.keep = f.cast(f.sub(f.like(rate, 1), f.mul(rate, o.weightDecay)), element);
  return out;
}

SmallVector<StringRef> optimizerState(const JobOptimizer &optimizer) {
  if (optimizer.kind != JobOptimizer::Kind::Sgd)
    return {"adam_m", "adam_v"};
  if (optimizer.momentum != 0)
    return {"momentum"};
  return {};
}

// buffer = momentum * buffer + g; the first step finds a buffer of zeros, so it becomes g as in
// PyTorch.
static Value sgd(Formula f, const JobOptimizer &o, const StepScalars &s, Value p, Value g,
                 MutableArrayRef<Value> state) {
  if (o.momentum != 0) {
    state[0] = f.add(f.mul(state[0], o.momentum), g);
    g = o.nesterov ? f.add(g, f.mul(state[0], o.momentum)) : state[0];
  }
  return f.sub(p, f.mul(g, s.rate));
}

// m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, p -= size * m / (sqrt(v) / correction
// + eps)
static Value adam(Formula f, const JobOptimizer &o, const StepScalars &s, Value p, Value g,
                  MutableArrayRef<Value> state) {
  Value m = state[0] = f.add(f.mul(state[0], o.beta1), f.mul(g, 1 - o.beta1));
  Value v = state[1] = f.add(f.mul(state[1], o.beta2), f.mul(f.square(g), 1 - o.beta2));
  Value root = f.div(f.sqrt(v), s.correction);
  return f.sub(p, f.mul(f.div(m, f.add(root, o.eps)), s.size));
}

Value updateParameter(Formula f, const JobOptimizer &o, const StepScalars &s, Value p, Value g,
                      MutableArrayRef<Value> state) {
  if (s.keep)
    p = f.mul(p, s.keep);
  else if (o.weightDecay != 0)
    g = f.add(g, f.mul(p, o.weightDecay));
  return o.kind == JobOptimizer::Kind::Sgd ? sgd(f, o, s, p, g, state) : adam(f, o, s, p, g, state);
}

Value globalNorm(Formula f, ValueRange gradients) {
  Value sum;
  for (Value g : gradients) {
    Value square = f.cast(f.sum(f.square(g)), f.b.getF64Type());
    sum = sum ? f.add(sum, square) : square;
  }
  return f.sqrt(sum);
}

Value clipFactor(Formula f, Value norm, double most) {
  return f.min(f.div(f.like(norm, most), f.add(norm, 1e-6)), f.like(norm, 1));
}

} // namespace of
