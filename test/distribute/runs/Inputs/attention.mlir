// One attention layer with four heads over the rows of an image.
func.func @attention(%image: tensor<?x784xf32>) -> tensor<?x10xf32> {
  %x = of.reshape %image to [0, 28, 28] : (tensor<?x784xf32>) -> tensor<?x28x28xf32>
  %wq = of.parameter "wq" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<28x32xf32>
  %wk = of.parameter "wk" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<28x32xf32>
  %wv = of.parameter "wv" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<28x32xf32>
  %wo = of.parameter "wo" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<32x28xf32>
  %w = of.parameter "w" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<784x10xf32>
  %q = of.matmul %x, %wq : (tensor<?x28x28xf32>, tensor<28x32xf32>) -> tensor<?x28x32xf32>
  %k = of.matmul %x, %wk : (tensor<?x28x28xf32>, tensor<28x32xf32>) -> tensor<?x28x32xf32>
  %v = of.matmul %x, %wv : (tensor<?x28x28xf32>, tensor<28x32xf32>) -> tensor<?x28x32xf32>
  %q4 = of.reshape %q to [0, 28, 4, 8] : (tensor<?x28x32xf32>) -> tensor<?x28x4x8xf32>
  %k4 = of.reshape %k to [0, 28, 4, 8] : (tensor<?x28x32xf32>) -> tensor<?x28x4x8xf32>
  %v4 = of.reshape %v to [0, 28, 4, 8] : (tensor<?x28x32xf32>) -> tensor<?x28x4x8xf32>
  %qt = of.transpose %q4 [0, 2, 1, 3] : (tensor<?x28x4x8xf32>) -> tensor<?x4x28x8xf32>
  %kt = of.transpose %k4 [0, 2, 1, 3] : (tensor<?x28x4x8xf32>) -> tensor<?x4x28x8xf32>
  %vt = of.transpose %v4 [0, 2, 1, 3] : (tensor<?x28x4x8xf32>) -> tensor<?x4x28x8xf32>
  %s = of.matmul %qt, %kt transpose_rhs : (tensor<?x4x28x8xf32>, tensor<?x4x28x8xf32>) -> tensor<?x4x28x28xf32>
  %p = of.softmax %s : (tensor<?x4x28x28xf32>) -> tensor<?x4x28x28xf32>
  %c = of.matmul %p, %vt : (tensor<?x4x28x28xf32>, tensor<?x4x28x8xf32>) -> tensor<?x4x28x8xf32>
  %ct = of.transpose %c [0, 2, 1, 3] : (tensor<?x4x28x8xf32>) -> tensor<?x28x4x8xf32>
  %cm = of.reshape %ct to [0, 28, 32] : (tensor<?x28x4x8xf32>) -> tensor<?x28x32xf32>
  %o = of.matmul %cm, %wo : (tensor<?x28x32xf32>, tensor<32x28xf32>) -> tensor<?x28x28xf32>
  %r = of.add %o, %x : (tensor<?x28x28xf32>, tensor<?x28x28xf32>) -> tensor<?x28x28xf32>
  %f = of.reshape %r to [0, 784] : (tensor<?x28x28xf32>) -> tensor<?x784xf32>
  %logits = of.matmul %f, %w : (tensor<?x784xf32>, tensor<784x10xf32>) -> tensor<?x10xf32>
  return %logits : tensor<?x10xf32>
}
