// Two convolutions with batch norm on Fashion-MNIST.
func.func @cnn(%image: tensor<?x784xf32>) -> tensor<?x10xf32> {
  %x = of.reshape %image to [0, 1, 28, 28] : (tensor<?x784xf32>) -> tensor<?x1x28x28xf32>
  %k1 = of.parameter "conv1.weight" init(#of.init<kaiming_uniform>) : tensor<6x1x3x3xf32>
  %s1 = of.parameter "bn1.weight" init(#of.init<constant, 1.0>) : tensor<6xf32>
  %b1 = of.parameter "bn1.bias" init(#of.init<constant, 0.0>) : tensor<6xf32>
  %m1 = of.parameter "bn1.running_mean" init(#of.init<constant, 0.0>) frozen : tensor<6xf32>
  %v1 = of.parameter "bn1.running_var" init(#of.init<constant, 1.0>) frozen : tensor<6xf32>
  %k2 = of.parameter "conv2.weight" init(#of.init<kaiming_uniform>) : tensor<8x6x3x3xf32>
  %s2 = of.parameter "bn2.weight" init(#of.init<constant, 1.0>) : tensor<8xf32>
  %b2 = of.parameter "bn2.bias" init(#of.init<constant, 0.0>) : tensor<8xf32>
  %m2 = of.parameter "bn2.running_mean" init(#of.init<constant, 0.0>) frozen : tensor<8xf32>
  %v2 = of.parameter "bn2.running_var" init(#of.init<constant, 1.0>) frozen : tensor<8xf32>
  %w = of.parameter "fc.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<72x10xf32>
  %b = of.parameter "fc.bias" init(#of.init<constant, 0.0>) : tensor<10xf32>

  %c1 = of.conv2d %x, %k1 {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x1x28x28xf32>, tensor<6x1x3x3xf32>) -> tensor<?x6x28x28xf32>
  %n1, %bm1, %bv1 = of.batch_norm %c1, %s1, %b1, %m1, %v1 : (tensor<?x6x28x28xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>) -> (tensor<?x6x28x28xf32>, tensor<6xf32>, tensor<6xf32>)
  %r1 = of.relu %n1 : (tensor<?x6x28x28xf32>) -> tensor<?x6x28x28xf32>
  %p1 = of.max_pool2d %r1 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<?x6x28x28xf32>) -> tensor<?x6x14x14xf32>

  %c2 = of.conv2d %p1, %k2 {pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<?x6x14x14xf32>, tensor<8x6x3x3xf32>) -> tensor<?x8x7x7xf32>
  %n2, %bm2, %bv2 = of.batch_norm %c2, %s2, %b2, %m2, %v2 : (tensor<?x8x7x7xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<?x8x7x7xf32>, tensor<8xf32>, tensor<8xf32>)
  %r2 = of.relu %n2 : (tensor<?x8x7x7xf32>) -> tensor<?x8x7x7xf32>
  %p2 = of.avg_pool2d %r2 {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>} : (tensor<?x8x7x7xf32>) -> tensor<?x8x3x3xf32>

  %f = of.reshape %p2 to [0, 72] : (tensor<?x8x3x3xf32>) -> tensor<?x72xf32>
  %z = of.matmul %f, %w : (tensor<?x72xf32>, tensor<72x10xf32>) -> tensor<?x10xf32>
  %logits = of.add %z, %b : (tensor<?x10xf32>, tensor<10xf32>) -> tensor<?x10xf32>
  return %logits : tensor<?x10xf32>
}
