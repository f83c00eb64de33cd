// Row-major matrix products on the calling thread, through BLAS or, where that is faster, oneDNN's.
//
// Internal to runtime/kernel/cpu; the only place that sees cblas.h. Thread-safe. Which library a
// product goes to follows from its sizes and the ISA.
#pragma once

#include <cstdint>
#include <string>

namespace of::rt::kernel {

/// Sets BLAS to one thread per call, in the whole process. Called when a routine is made.
void useSingleThreadedBlas();

/// C[m, n] = alpha * op(A)[m, k] * op(B)[k, n] + beta * C, all row-major with leading dims in
/// elements. With beta 0, C is not read. Sizes may be 0.
template <typename T>
void gemm(bool transA, bool transB, int64_t m, int64_t n, int64_t k, T alpha, const T *a,
          int64_t lda, const T *b, int64_t ldb, T beta, T *c, int64_t ldc);

/// "0.3.21"
std::string blasVersion();

} // namespace of::rt::kernel
