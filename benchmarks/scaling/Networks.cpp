#include "benchmarks/scaling/Networks.h"

namespace of::scaling {

namespace {

/// A convolution with bias or batch norm.
Part convolution(double in, double out, double window, double extent) {
  const double weights = in * out * window * window;
  return {weights * extent * extent, weights + 2 * out};
}

Part linear(double in, double out) { return {in * out, in * out + out}; }

void operator+=(Part &a, const Part &b) {
  a.work += b.work;
  a.parameters += b.parameters;
}

} // namespace

Network resnet50() {
  Network out{"ResNet-50", {convolution(3, 64, 7, 112)}};
  struct Stage {
    double blocks, inner, extent;
  };
  double in = 64;
  for (const Stage &stage : {Stage{3, 64, 56}, {4, 128, 28}, {6, 256, 14}, {3, 512, 7}})
    for (double block = 0; block < stage.blocks; ++block) {
      Part part = convolution(in, stage.inner, 1, stage.extent);
      part += convolution(stage.inner, stage.inner, 3, stage.extent);
      part += convolution(stage.inner, 4 * stage.inner, 1, stage.extent);
      if (block == 0)
        part += convolution(in, 4 * stage.inner, 1, stage.extent);
      out.parts.push_back(part);
      in = 4 * stage.inner;
    }
  out.parts.push_back(linear(2048, 1000));
  return out;
}

Network alexnet() {
  return {"AlexNet",
          {convolution(3, 64, 11, 55), convolution(64, 192, 5, 27), convolution(192, 384, 3, 13),
           convolution(384, 256, 3, 13), convolution(256, 256, 3, 13), linear(256 * 36, 4096),
           linear(4096, 4096), linear(4096, 1000)}};
}

Network bert(const std::string &name, double layers, double hidden, double tokens) {
  constexpr double words = 30522, positions = 512;
  Network out{name, {{0, (words + positions + 2) * hidden}}};
  for (double i = 0; i < layers; ++i)
    out.parts.push_back({tokens * (12 * hidden * hidden + 2 * tokens * hidden),
                         12 * hidden * hidden + 13 * hidden});
  // A sixth of the tokens are masked and predicted.
  out.parts.push_back({tokens / 6 * words * hidden, 2 * hidden * hidden});
  return out;
}

} // namespace of::scaling
