// Elements from the type in the file to the type of the tensor: value = stored * scale + shift.
//
// Internal to runtime/data. Pure. The value is computed in f64 and rounded once; integers that are
// not scaled stay integers; results that are not whole go to the nearest integer, ties to even,
// those beyond the integers to the last of them, and what is no number to 0.
#pragma once

#include "runtime/base/DType.h"
#include "runtime/data/StoredArray.h"

namespace of::rt::data {

class Converter {
public:
  /// InvalidArgument for a dtype that no converter produces (f16, bf16).
  static Result<Converter> create(StoredType from, DType to, double scale, double shift);

  /// `count` elements; `from` may be unaligned.
  void run(const uint8_t *from, void *to, size_t count) const { fn_(*this, from, to, count); }

  double scale() const { return scale_; }
  double shift() const { return shift_; }

private:
  using Fn = void (*)(const Converter &, const uint8_t *, void *, size_t);
  Converter(Fn fn, double scale, double shift) : fn_(fn), scale_(scale), shift_(shift) {}

  Fn fn_;
  double scale_, shift_;
};

} // namespace of::rt::data
