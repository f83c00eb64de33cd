#include "runtime/kernel/cpu/Blas.h"

#include <algorithm>
#include <cblas.h>
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <sstream>

namespace of::rt::kernel {

namespace {

CBLAS_TRANSPOSE flag(bool transpose) { return transpose ? CblasTrans : CblasNoTrans; }

int dim(int64_t size) { return static_cast<int>(size); }

/// BLAS refuses a leading dim of 0, which an empty matrix has.
int leading(int64_t size) { return static_cast<int>(std::max<int64_t>(size, 1)); }

/// Whether oneDNN's product is the faster one: with AVX-512 mostly, from 64 x 64 x 64 on; below,
/// its overhead shows. The README has the figures.
bool dnnlIsFaster(int64_t m, int64_t n, int64_t k) {
  static const bool wide = dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core;
  return wide && m * n * k >= int64_t{64} * 64 * 64 && n > 1 && m > 1;
}

} // namespace

void useSingleThreadedBlas() { openblas_set_num_threads(1); }

template <>
void gemm<float>(bool transA, bool transB, int64_t m, int64_t n, int64_t k, float alpha,
                 const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
                 int64_t ldc) {
  if (m == 0 || n == 0)
    return;
  if (dnnlIsFaster(m, n, k)) {
    omp_set_num_threads(1); // of this thread
    if (dnnl_sgemm(transA ? 'T' : 'N', transB ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, beta, c,
                   ldc) == dnnl_success)
      return;
  }
  cblas_sgemm(CblasRowMajor, flag(transA), flag(transB), dim(m), dim(n), dim(k), alpha, a,
              leading(lda), b, leading(ldb), beta, c, leading(ldc));
}

template <>
void gemm<double>(bool transA, bool transB, int64_t m, int64_t n, int64_t k, double alpha,
                  const double *a, int64_t lda, const double *b, int64_t ldb, double beta,
                  double *c, int64_t ldc) {
  if (m == 0 || n == 0)
    return;
  cblas_dgemm(CblasRowMajor, flag(transA), flag(transB), dim(m), dim(n), dim(k), alpha, a,
              leading(lda), b, leading(ldb), beta, c, leading(ldc));
}

std::string blasVersion() {
  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..."
  std::istringstream config(openblas_get_config());
  std::string name, version;
  config >> name >> version;
  return version;
}

} // namespace of::rt::kernel
