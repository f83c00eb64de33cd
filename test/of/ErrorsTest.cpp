// What ops refuse, and that they say why.
#include "test/of/Evaluator.h"

#include <catch2/catch.hpp>

using namespace of::test;

namespace {

struct Refusal {
  const char *body;   ///< ops of %x : tensor<4x6x7x8xf32>, %v : tensor<6xf32>, %s : tensor<i64>
  const char *reason; ///< part of the message
};

const Refusal refusals[] = {
    {"%y = of.conv2d %x, %v : (tensor<4x6x7x8xf32>, tensor<6xf32>) -> tensor<4x6x7x8xf32>",
     "needs weights"},
    {"%w = of.constant 1.0 : f32 : tensor<5x4x3x3xf32> %y = of.conv2d %x, %w : "
     "(tensor<4x6x7x8xf32>, tensor<5x4x3x3xf32>) -> tensor<4x5x5x6xf32>",
     "input channels is 6, but the rest gives 4"},
    {"%w = of.constant 1.0 : f32 : tensor<5x6x3x3xf32> %y = of.conv2d %x, %w {groups = 2 : i64} : "
     "(tensor<4x6x7x8xf32>, tensor<5x6x3x3xf32>) -> tensor<4x5x5x6xf32>",
     "do not divide into 2 groups"},
    {"%w = of.constant 1.0 : f32 : tensor<5x6x3x3xf32> %y = of.conv2d %x, %w {layout = \"chwn\"} : "
     "(tensor<4x6x7x8xf32>, tensor<5x6x3x3xf32>) -> tensor<4x5x5x6xf32>",
     "neither nchw nor nhwc"},
    {"%w = of.constant 1.0 : f32 : tensor<5x6x3x3xf32> %y = of.conv2d %x, %w {strides = array<i64: "
     "0, 1>} : (tensor<4x6x7x8xf32>, tensor<5x6x3x3xf32>) -> tensor<4x5x5x6xf32>",
     "at least 1"},
    {"%w = of.constant 1.0 : f32 : tensor<5x6x3x3xf32> %y = of.conv2d %x, %w : "
     "(tensor<4x6x7x8xf32>, tensor<5x6x3x3xf32>) -> tensor<4x5x7x8xf32>",
     "incompatible"},
    {"%w = of.constant 1.0 : f32 : tensor<6x6x3x3xf32> %y = of.conv2d_backward_data %x, %w "
     "{input_size = array<i64: 8, 8>} : (tensor<4x6x7x8xf32>, tensor<6x6x3x3xf32>) -> "
     "tensor<4x6x8x8xf32>",
     "height is 7, but the rest gives 6"},
    {"%y = of.max_pool2d %x {kernel = array<i64: 2>} : (tensor<4x6x7x8xf32>) -> "
     "tensor<4x6x7x8xf32>",
     "two kernel sizes"},
    {"%y = of.avg_pool2d %x {kernel = array<i64: 2, 2>, pads = array<i64: 2, 0, 0, 0>} : "
     "(tensor<4x6x7x8xf32>) -> tensor<4x6x8x7xf32>",
     "padding is not smaller than the window"},
    {"%y = of.random_uniform %v seed 1 id 1 : (tensor<6xf32>) -> tensor<6xf32>",
     "takes the step as a scalar"},
    {"%y = of.random_normal %s seed 1 id 1 : (tensor<i64>) -> tensor<6xi64>", "draws floats"},
    {"%y = of.random_normal %s seed 1 id -1 : (tensor<i64>) -> tensor<6xf32>", "32 bits"},
};

} // namespace

TEST_CASE("wrong ops are refused with a reason") {
  for (const Refusal &refusal : refusals) {
    const Evaluator evaluator(
        "func.func @f(%x: tensor<4x6x7x8xf32>, %v: tensor<6xf32>, %s: tensor<i64>) {\n" +
            std::string(refusal.body) + "\nreturn\n}",
        {});
    INFO(refusal.body << "\n" << evaluator.errors());
    CHECK(evaluator.errors().find(refusal.reason) != std::string::npos);
  }
}
