// As many kinds of work as fit into a small plan: an embedding, a convolution, a product, dropout.
func.func @small(%text: tensor<?x4xi64>, %image: tensor<?x1x6x6xf32>) -> tensor<?x5xf32> {
  %e = of.parameter "tokens" init(#of.init<normal, 0.0, 0.5>) : tensor<8x9xf32>
  %t = of.embedding %e, %text : (tensor<8x9xf32>, tensor<?x4xi64>) -> tensor<?x4x9xf32>
  %s = of.reshape %t to [0, 36] : (tensor<?x4x9xf32>) -> tensor<?x36xf32>
  %k = of.parameter "conv.weight" init(#of.init<kaiming_uniform>) : tensor<2x1x3x3xf32>
  %c = of.conv2d %image, %k {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x1x6x6xf32>, tensor<2x1x3x3xf32>) -> tensor<?x2x6x6xf32>
  %p = of.max_pool2d %c {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<?x2x6x6xf32>) -> tensor<?x2x3x3xf32>
  %f = of.reshape %p to [0, 18] : (tensor<?x2x3x3xf32>) -> tensor<?x18xf32>
  %w1 = of.parameter "image.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<18x36xf32>
  %m = of.matmul %f, %w1 : (tensor<?x18xf32>, tensor<18x36xf32>) -> tensor<?x36xf32>
  %h = of.add %m, %s : (tensor<?x36xf32>, tensor<?x36xf32>) -> tensor<?x36xf32>
  %r = of.relu %h : (tensor<?x36xf32>) -> tensor<?x36xf32>
  %w2 = of.parameter "out.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<36x5xf32>
  %logits = of.matmul %r, %w2 : (tensor<?x36xf32>, tensor<36x5xf32>) -> tensor<?x5xf32>
  return %logits : tensor<?x5xf32>
}
