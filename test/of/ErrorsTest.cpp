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
    {"%y = of.dropout %x {rate = 1.0 : f64} : (tensor<4x6x7x8xf32>) -> tensor<4x6x7x8xf32>",
     "at least 0 and below 1"},
    {"%y = of.dropout %x {rate = 0.5 : f64, training} : (tensor<4x6x7x8xf32>) -> "
     "tensor<4x6x7x8xf32>",
     "training mode without a step"},
    {"%y, %m, %w = of.batch_norm %x, %v, %v, %v, %v {dim = 2 : i64} : (tensor<4x6x7x8xf32>, "
     "tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>) -> (tensor<4x6x7x8xf32>, "
     "tensor<6xf32>, tensor<6xf32>)",
     "needs vectors of 7 floats"},
    {"%y = of.layer_norm %x, %v : (tensor<4x6x7x8xf32>, tensor<6xf32>) -> tensor<4x6x7x8xf32>",
     "does not broadcast"},
    {"%y = of.group_norm %x, %v, %v {groups = 4 : i64} : (tensor<4x6x7x8xf32>, tensor<6xf32>, "
     "tensor<6xf32>) -> tensor<4x6x7x8xf32>",
     "do not divide into 4 groups"},
    {"%y = of.clip %v {min = 2.0 : f64, max = 1.0 : f64} : (tensor<6xf32>) -> tensor<6xf32>",
     "above max"},
    {"%y = of.gelu %v {approximate = \"sigmoid\"} : (tensor<6xf32>) -> tensor<6xf32>",
     "use none or tanh"},
    {"%y = of.softplus %s : (tensor<i64>) -> tensor<i64>", "works on floats"},
    {"%y = of.and %v, %v : (tensor<6xf32>, tensor<6xf32>) -> tensor<6xf32>",
     "works on bools and integers"},
    {"%y = of.log_softmax %v {dim = 1 : i64} : (tensor<6xf32>) -> tensor<6xf32>", "out of range"},
    {"%y = of.embedding %x, %v : (tensor<4x6x7x8xf32>, tensor<6xf32>) -> tensor<6x6x7x8xf32>",
     "i32 or i64"},
    {"%y = of.slice %v {starts = array<i64: 2>, sizes = array<i64: 3>, steps = array<i64: 2>} : "
     "(tensor<6xf32>) -> tensor<3xf32>",
     "elements 2 to 6 of dim 0, which has 6"},
    {"%y = of.slice %v {starts = array<i64: 2>, sizes = array<i64: 3>, steps = array<i64: 0>} : "
     "(tensor<6xf32>) -> tensor<3xf32>",
     "step of dim 0 is 0"},
    {"%y = of.pad %v {low = array<i64: -1>, high = array<i64: 0>, interior = array<i64: 0>} : "
     "(tensor<6xf32>) -> tensor<5xf32>",
     "not negative"},
    {"%y = of.pad %v {low = array<i64: 1, 1>, high = array<i64: 0>, interior = array<i64: 0>} : "
     "(tensor<6xf32>) -> tensor<7xf32>",
     "has 2 entries for the 1 dims"},
    {"%y = of.concat %v, %x {dim = 0 : i64} : (tensor<6xf32>, tensor<4x6x7x8xf32>) -> "
     "tensor<12xf32>",
     "differs from"},
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
