// A convolution, a pooling and a layer.
func.func @cnn(%image: tensor<?x784xf32>) -> tensor<?x10xf32> {
  %x = of.reshape %image to [0, 1, 28, 28] : (tensor<?x784xf32>) -> tensor<?x1x28x28xf32>
  %k = of.parameter "conv.weight" init(#of.init<kaiming_uniform>) : tensor<8x1x3x3xf32>
  %b = of.parameter "conv.bias" init(#of.init<constant, 0.0>) : tensor<8x1x1xf32>
  %c = of.conv2d %x, %k {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x1x28x28xf32>, tensor<8x1x3x3xf32>) -> tensor<?x8x28x28xf32>
  %cb = of.add %c, %b : (tensor<?x8x28x28xf32>, tensor<8x1x1xf32>) -> tensor<?x8x28x28xf32>
  %r = of.relu %cb : (tensor<?x8x28x28xf32>) -> tensor<?x8x28x28xf32>
  %p = of.max_pool2d %r {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<?x8x28x28xf32>) -> tensor<?x8x14x14xf32>
  %f = of.reshape %p to [0, 1568] : (tensor<?x8x14x14xf32>) -> tensor<?x1568xf32>
  %w = of.parameter "fc.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<1568x10xf32>
  %logits = of.matmul %f, %w : (tensor<?x1568xf32>, tensor<1568x10xf32>) -> tensor<?x10xf32>
  return %logits : tensor<?x10xf32>
}
