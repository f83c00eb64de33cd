// Two layers on Fashion-MNIST.
func.func @mlp(%image: tensor<?x784xf32>) -> tensor<?x10xf32> {
  %w1 = of.parameter "fc1.weight" init(#of.init<kaiming_uniform>) {fan = "in_out"} : tensor<784x32xf32>
  %b1 = of.parameter "fc1.bias" init(#of.init<constant, 0.0>) : tensor<32xf32>
  %w2 = of.parameter "fc2.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<32x10xf32>
  %b2 = of.parameter "fc2.bias" init(#of.init<constant, 0.0>) : tensor<10xf32>

  %z1 = of.matmul %image, %w1 : (tensor<?x784xf32>, tensor<784x32xf32>) -> tensor<?x32xf32>
  %a1 = of.add %z1, %b1 : (tensor<?x32xf32>, tensor<32xf32>) -> tensor<?x32xf32>
  %h1 = of.relu %a1 : (tensor<?x32xf32>) -> tensor<?x32xf32>

  %z2 = of.matmul %h1, %w2 : (tensor<?x32xf32>, tensor<32x10xf32>) -> tensor<?x10xf32>
  %logits = of.add %z2, %b2 : (tensor<?x10xf32>, tensor<10xf32>) -> tensor<?x10xf32>
  return %logits : tensor<?x10xf32>
}
