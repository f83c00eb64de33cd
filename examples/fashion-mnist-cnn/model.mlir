// Two convolutions and two dense layers on 28 x 28 images. Written for one device; `?` is the batch.
func.func @cnn(%image: tensor<?x1x28x28xf32>) -> tensor<?x10xf32> {
  // 1 x 28 x 28 to 16 x 14 x 14
  %w1 = of.parameter "conv1.weight" init(#of.init<kaiming_uniform>) : tensor<16x1x3x3xf32>
  %c1 = of.conv2d %image, %w1 {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x1x28x28xf32>, tensor<16x1x3x3xf32>) -> tensor<?x16x28x28xf32>
  %s1 = of.parameter "bn1.weight" init(#of.init<constant, 1.0>) : tensor<16xf32>
  %b1 = of.parameter "bn1.bias" init(#of.init<constant, 0.0>) : tensor<16xf32>
  %m1 = of.parameter "bn1.running_mean" init(#of.init<constant, 0.0>) frozen : tensor<16xf32>
  %v1 = of.parameter "bn1.running_var" init(#of.init<constant, 1.0>) frozen : tensor<16xf32>
  %n1:3 = of.batch_norm %c1, %s1, %b1, %m1, %v1 : (tensor<?x16x28x28xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>) -> (tensor<?x16x28x28xf32>, tensor<16xf32>, tensor<16xf32>)
  %a1 = of.relu %n1#0 : (tensor<?x16x28x28xf32>) -> tensor<?x16x28x28xf32>
  %p1 = of.max_pool2d %a1 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<?x16x28x28xf32>) -> tensor<?x16x14x14xf32>

  // 16 x 14 x 14 to 32 x 7 x 7
  %w2 = of.parameter "conv2.weight" init(#of.init<kaiming_uniform>) : tensor<32x16x3x3xf32>
  %c2 = of.conv2d %p1, %w2 {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x16x14x14xf32>, tensor<32x16x3x3xf32>) -> tensor<?x32x14x14xf32>
  %s2 = of.parameter "bn2.weight" init(#of.init<constant, 1.0>) : tensor<32xf32>
  %b2 = of.parameter "bn2.bias" init(#of.init<constant, 0.0>) : tensor<32xf32>
  %m2 = of.parameter "bn2.running_mean" init(#of.init<constant, 0.0>) frozen : tensor<32xf32>
  %v2 = of.parameter "bn2.running_var" init(#of.init<constant, 1.0>) frozen : tensor<32xf32>
  %n2:3 = of.batch_norm %c2, %s2, %b2, %m2, %v2 : (tensor<?x32x14x14xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>) -> (tensor<?x32x14x14xf32>, tensor<32xf32>, tensor<32xf32>)
  %a2 = of.relu %n2#0 : (tensor<?x32x14x14xf32>) -> tensor<?x32x14x14xf32>
  %p2 = of.max_pool2d %a2 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<?x32x14x14xf32>) -> tensor<?x32x7x7xf32>

  %flat = of.reshape %p2 to [0, -1] : (tensor<?x32x7x7xf32>) -> tensor<?x1568xf32>
  %w3 = of.parameter "fc1.weight" init(#of.init<kaiming_uniform>) {fan = "in_out"} : tensor<1568x128xf32>
  %b3 = of.parameter "fc1.bias" init(#of.init<constant, 0.0>) : tensor<128xf32>
  %z3 = of.matmul %flat, %w3 : (tensor<?x1568xf32>, tensor<1568x128xf32>) -> tensor<?x128xf32>
  %d3 = of.add %z3, %b3 : (tensor<?x128xf32>, tensor<128xf32>) -> tensor<?x128xf32>
  %h3 = of.relu %d3 : (tensor<?x128xf32>) -> tensor<?x128xf32>
  %w4 = of.parameter "fc2.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<128x10xf32>
  %b4 = of.parameter "fc2.bias" init(#of.init<constant, 0.0>) : tensor<10xf32>
  %z4 = of.matmul %h3, %w4 : (tensor<?x128xf32>, tensor<128x10xf32>) -> tensor<?x10xf32>
  %logits = of.add %z4, %b4 : (tensor<?x10xf32>, tensor<10xf32>) -> tensor<?x10xf32>
  return %logits : tensor<?x10xf32>
}
