// Kernels of plans that measure, written as generated kernels are: functions over tiles that import
// nothing.
#include <stdint.h>
#include <x86intrin.h>

// What a call must give at least (runtime/kernel/KernelNeeds.h); sizes are the plan's, which is
// ours.
#define NEEDS(kernel, scalars, ...)                                                                \
  const int64_t kernel##_needs[] = {                                                               \
      1, scalars, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), __VA_ARGS__}

NEEDS(bench_stamp, 0, 8);
NEEDS(bench_fill, 2, 4, 8);
NEEDS(bench_check, 2, 4, 8);
NEEDS(bench_work, 2, 4, 4);
const int64_t bench_none_needs[] = {1, 0, 0};

// buffers: stamps (int64: how many there are, then the processor's time stamps)
void bench_stamp(void *const *buffers, const int64_t *scalars, int64_t begin, int64_t end) {
  int64_t *stamps = buffers[0];
  stamps[++stamps[0]] = (int64_t)__rdtsc();
}

// Whole numbers, so that sums are exact in any order.
static float valueOf(int64_t element, int64_t device) { return (float)((element + device) % 1024); }

// buffers: f32, stamps; scalars: elements, this device
void bench_fill(void *const *buffers, const int64_t *scalars, int64_t begin, int64_t end) {
  float *values = buffers[0];
  for (int64_t i = 0; i < scalars[0]; ++i)
    values[i] = valueOf(i, scalars[1]);
  *(int64_t *)buffers[1] = 0;
}

// buffers: f32 result, number of wrong elements (int64); scalars: elements, devices whose sum it is
void bench_check(void *const *buffers, const int64_t *scalars, int64_t begin, int64_t end) {
  const float *values = buffers[0];
  int64_t *wrong = buffers[1];
  *wrong = 0;
  for (int64_t i = 0; i < scalars[0]; ++i) {
    float sum = 0;
    for (int64_t d = 0; d < scalars[1]; ++d)
      sum += valueOf(i, d);
    *wrong += values[i] != sum;
  }
}

// Hands a tensor on after so many time stamps.
// buffers: f32, f32 result; scalars: elements, time stamps
void bench_work(void *const *buffers, const int64_t *scalars, int64_t begin, int64_t end) {
  const int64_t first = (int64_t)__rdtsc();
  const float *from = buffers[0];
  float *to = buffers[1];
  for (int64_t i = 0; i < scalars[0]; ++i)
    to[i] = from[i];
  while ((int64_t)__rdtsc() - first < scalars[1]) {
  }
}

void bench_none(void *const *buffers, const int64_t *scalars, int64_t begin, int64_t end) {}
