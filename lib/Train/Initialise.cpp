#include "lib/Train/Initialise.h"

#include <cmath>

using namespace mlir;

namespace of {

namespace {
struct Fans {
  double in = 0, out = 0;
};
} // namespace

// [out, in, k...] as PyTorch, or [in, out, k...]; the kernel's elements count for both.
static Fans fansOf(const Variable &v) {
  double kernel = 1;
  for (int64_t dim : v.type.getShape().drop_front(2))
    kernel *= dim;
  double first = v.type.getDimSize(0) * kernel, second = v.type.getDimSize(1) * kernel;
  return v.fanInFirst ? Fans{first, second} : Fans{second, first};
}

namespace {
/// Draws of one variable.
struct Draw {
  Formula f;
  RankedTensorType type;
  int64_t seed, id;

  Value make(StringRef op, double scale, double shift) {
    OperationState state(f.loc, op);
    state.addTypes(type);
    state.addOperands(f.scalar(f.b.getI64Type(), 0));
    state.addAttribute("seed", f.b.getI64IntegerAttr(seed));
    state.addAttribute("id", f.b.getI64IntegerAttr(id));
    Value x = f.mul(f.b.create(state)->getResult(0), scale);
    return shift == 0 ? x : f.add(x, shift);
  }
  Value normal(double mean, double deviation) { return make("of.random_normal", deviation, mean); }
  Value uniform(double low, double high) { return make("of.random_uniform", high - low, low); }
};
} // namespace

FailureOr<Value> initialValue(Formula f, const Variable &v, int64_t seed, int64_t id) {
  if (!v.init)
    return ConstantOp::create(f.b, f.loc, v.type, 0).getResult();
  InitKind kind = v.init.getKind();
  ArrayRef<double> values = v.init.getValues().asArrayRef();
  auto value = [&](size_t i, double otherwise) {
    return i < values.size() ? values[i] : otherwise;
  };
  bool usesFans =
      kind != InitKind::Constant && kind != InitKind::Normal && kind != InitKind::Uniform;
  if (usesFans && v.type.getRank() < 2)
    return emitError(v.loc) << "parameter '" << v.name << "' is " << v.type << "; "
                            << stringifyInitKind(kind)
                            << " needs at least two dims, use constant, normal or uniform";
  if (kind != InitKind::Constant && !isa<FloatType>(v.type.getElementType()))
    return emitError(v.loc) << "parameter '" << v.name << "' is " << v.type
                            << "; only floats can be random";
  // Glorot & Bengio 2010; He et al. 2015, with the gain of ReLU unless another is given.
  Fans fans = usesFans ? fansOf(v) : Fans{};
  double glorot = value(0, 1) * std::sqrt(2 / (fans.in + fans.out));
  double he = value(0, std::sqrt(2.0)) / std::sqrt(fans.in);
  double width = std::sqrt(3.0); // uniform on [-w, w] has deviation w / sqrt(3)
  Draw draw{f, v.type, seed, id};
  switch (kind) {
  case InitKind::Constant:
    return ConstantOp::create(f.b, f.loc, v.type, value(0, 0)).getResult();
  case InitKind::Normal:
    return draw.normal(value(0, 0), value(1, 1));
  case InitKind::Uniform:
    return draw.uniform(value(0, 0), value(1, 1));
  case InitKind::XavierUniform:
    return draw.uniform(-glorot * width, glorot * width);
  case InitKind::XavierNormal:
    return draw.normal(0, glorot);
  case InitKind::KaimingUniform:
    return draw.uniform(-he * width, he * width);
  case InitKind::KaimingNormal:
    return draw.normal(0, he);
  }
  return failure();
}

} // namespace of
