// The routines `conv2d_forward`, `conv2d_backward_data` and `conv2d_backward_weights`.
//
// Two ways to compute them: oneDNN (ConvDnnl, f32) and im2col with BLAS (ConvGemm, f64 and the
// shapes for which oneDNN has only its reference code); the gradient of weights also as the sum of
// those of some samples each (ConvBySamples). Which one a shape takes is a rule over
// attributes, never a measurement at run time; the README has the measurements behind it.
//
// Internal to runtime/kernel.
#pragma once

#include "runtime/kernel/Library.h"
#include "runtime/kernel/cpu/ConvShape.h"

#include <functional>

namespace of::rt::kernel {

/// A routine that knows how much scratch it uses.
class ConvRoutine : public Routine {
public:
  virtual size_t scratchBytes() const = 0;
};

/// How oneDNN sees x and y: `Plain` as they lie in memory, `Blocked` in the form its kernels like
/// best, reordered inside the call. Weights are always reordered.
enum class ConvForm { Plain, Blocked };

/// Null if oneDNN has only reference code for it.
Result<std::unique_ptr<ConvRoutine>> makeConvDnnl(const Spec &spec, const ConvShape &shape,
                                                  ConvForm form, int64_t tiles);
std::unique_ptr<ConvRoutine> makeConvGemm(DType dtype, const ConvShape &shape, int64_t tiles);

/// Makes the routine for some of the samples, of one tile.
using MakeConvPart = std::function<Result<std::unique_ptr<ConvRoutine>>(const ConvShape &)>;

/// Is a gradient of weights made of those of runs of samples? `inRuns`: also one tile's samples are
/// cut, so that what is reordered stays in the cache. The bound weighs what is reordered against
/// what is added up (README); it was not measured shape by shape.
bool isBySamples(const ConvShape &shape, int64_t tiles, bool inRuns);
Result<std::unique_ptr<ConvRoutine>> makeConvBySamples(DType dtype, const ConvShape &shape,
                                                       int64_t tiles, bool inRuns,
                                                       const MakeConvPart &make);

/// The form that is faster for this shape by the measured rule.
ConvForm preferredForm(const ConvShape &shape);

Result<std::unique_ptr<Routine>> makeConv(const Spec &spec, int64_t tiles,
                                          const std::vector<size_t> &bufferBytes);
Result<size_t> convScratchBytes(const Spec &spec, int64_t tiles);
int64_t convTiles(const Spec &spec);

/// "2.6.3"
std::string dnnlVersion();

} // namespace of::rt::kernel
