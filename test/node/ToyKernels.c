// Kernels of the toy job: data-parallel linear regression with 16 weights. Written as generated
// kernels are: a function over tiles.
#include <stdint.h>

enum { kWeights = 16, kRows = 8 };

// What a call must give: tiles, scalars, bytes of each buffer (runtime/kernel/KernelNeeds.h).
#define NEEDS(kernel, tiles, scalars, ...)                                                         \
  const int64_t kernel##_needs[] = {                                                               \
      tiles, scalars, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), __VA_ARGS__}

NEEDS(toy_init, 1, 0, kWeights * 4);
NEEDS(toy_batch, 1, 1, 8, kRows *kWeights * 4, kRows * 4);
NEEDS(toy_gradient, kWeights, 2, 8, kRows *kWeights * 4, kRows * 4, kWeights * 4, kWeights * 4, 4);
NEEDS(toy_count, 1, 0, 8);
NEEDS(toy_update, 1, 0, kWeights * 4, kWeights * 4, kWeights * 4);
NEEDS(toy_scalars, 1, 3, 24);

static float noise(uint64_t a) {
  a ^= a >> 33;
  a *= 0xff51afd7ed558ccdull;
  a ^= a >> 33;
  a *= 0xc4ceb9fe1a85ec53ull;
  a ^= a >> 33;
  return (float)(a >> 40) / (float)(1 << 24) - 0.5f;
}

// buffers: w
void toy_init(void *const *buffers, const int64_t *scalars, int64_t begin, int64_t end) {
  float *w = buffers[0];
  for (int i = 0; i < kWeights; ++i)
    w[i] = 0;
}

// buffers: counter (int64), x, y; scalars: rank
void toy_batch(void *const *buffers, const int64_t *scalars, int64_t begin, int64_t end) {
  int64_t *counter = buffers[0];
  float *x = buffers[1], *y = buffers[2];
  for (int r = 0; r < kRows; ++r) {
    y[r] = 0;
    for (int i = 0; i < kWeights; ++i) {
      x[r * kWeights + i] =
          noise((uint64_t)(((*counter * 64 + scalars[0]) * kRows + r) * kWeights + i));
      y[r] += x[r * kWeights + i] * (float)(i + 1);
    }
  }
  ++*counter;
}

// buffers: micro counter (int64), x, y, w, g, loss; scalars: rank, micros. One tile per weight.
void toy_gradient(void *const *buffers, const int64_t *scalars, int64_t begin, int64_t end) {
  const int64_t *counter = buffers[0];
  const float *x = buffers[1], *y = buffers[2], *w = buffers[3];
  float *g = buffers[4], *loss = buffers[5];
  const int first = scalars[1] <= 0 || *counter % scalars[1] == 0;
  if (begin == 0 && first)
    *loss = 0;
  for (int64_t i = begin; i < end; ++i) {
    float sum = first ? 0 : g[i];
    for (int r = 0; r < kRows; ++r) {
      float error = -y[r];
      for (int k = 0; k < kWeights; ++k)
        error += x[r * kWeights + k] * w[k];
      sum += error * x[r * kWeights + i];
      if (i == 0)
        *loss += error * error;
    }
    g[i] = sum;
  }
}

// buffers: micro counter
void toy_count(void *const *buffers, const int64_t *scalars, int64_t begin, int64_t end) {
  ++*(int64_t *)buffers[0];
}

// buffers: w, sum of g, w (same place)
void toy_update(void *const *buffers, const int64_t *scalars, int64_t begin, int64_t end) {
  const float *w = buffers[0], *g = buffers[1];
  float *out = buffers[2];
  for (int i = 0; i < kWeights; ++i)
    out[i] = w[i] - 0.02f * g[i];
}

// buffers: three int64; scalars: three numbers, which it writes there
void toy_scalars(void *const *buffers, const int64_t *scalars, int64_t begin, int64_t end) {
  for (int i = 0; i < 3; ++i)
    ((int64_t *)buffers[0])[i] = scalars[i];
}
