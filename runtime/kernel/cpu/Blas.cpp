#include "runtime/kernel/cpu/Blas.h"

#include <algorithm>
#include <cblas.h>
#include <sstream>

namespace of::rt::kernel {

namespace {

CBLAS_TRANSPOSE flag(bool transpose) { return transpose ? CblasTrans : CblasNoTrans; }

int dim(int64_t size) { return static_cast<int>(size); }

/// BLAS refuses a leading dim of 0, which an empty matrix has.
int leading(int64_t size) { return static_cast<int>(std::max<int64_t>(size, 1)); }

} // namespace

void useSingleThreadedBlas() { openblas_set_num_threads(1); }

template <>
void gemm<float>(bool transA, bool transB, int64_t m, int64_t n, int64_t k, float alpha,
                 const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
                 int64_t ldc) {
  if (m == 0 || n == 0)
    return;
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
