func.func @classifier(%x: tensor<?x4xf32>) -> tensor<?x3xf32> {
  %w = of.parameter "fc.weight" init(#of.init<constant, 0.5>) : tensor<4x3xf32>
  %b = of.parameter "fc.bias" init(#of.init<constant, 0.0>) : tensor<3xf32>
  %z = of.matmul %x, %w : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
  %logits = of.add %z, %b : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  return %logits : tensor<?x3xf32>
}
