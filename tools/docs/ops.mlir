// One of each op that has SBP signatures: the examples of docs/reference/ops.md.
func.func @pointwise(%x: tensor<8x6xf32>, %y: tensor<8x6xf32>, %row: tensor<6xf32>, %mask: tensor<8x6xi1>) {
  %neg = of.neg %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %abs = of.abs %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %sign = of.sign %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %exp = of.exp %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %log = of.log %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %sqrt = of.sqrt %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %rsqrt = of.rsqrt %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %tanh = of.tanh %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %erf = of.erf %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %sin = of.sin %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %cos = of.cos %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %floor = of.floor %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %ceil = of.ceil %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %relu = of.relu %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %sigmoid = of.sigmoid %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %not = of.not %mask : (tensor<8x6xi1>) -> tensor<8x6xi1>
  %stop = of.stop_gradient %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %copy = of.copy %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %add = of.add %x, %row : (tensor<8x6xf32>, tensor<6xf32>) -> tensor<8x6xf32>
  %sub = of.sub %x, %y : (tensor<8x6xf32>, tensor<8x6xf32>) -> tensor<8x6xf32>
  %mul = of.mul %x, %y : (tensor<8x6xf32>, tensor<8x6xf32>) -> tensor<8x6xf32>
  %div = of.div %x, %y : (tensor<8x6xf32>, tensor<8x6xf32>) -> tensor<8x6xf32>
  %max = of.max %x, %y : (tensor<8x6xf32>, tensor<8x6xf32>) -> tensor<8x6xf32>
  %min = of.min %x, %y : (tensor<8x6xf32>, tensor<8x6xf32>) -> tensor<8x6xf32>
  %pow = of.pow %x, %y : (tensor<8x6xf32>, tensor<8x6xf32>) -> tensor<8x6xf32>
  %less = of.compare "lt" %x, %y : (tensor<8x6xf32>, tensor<8x6xf32>) -> tensor<8x6xi1>
  %select = of.select %mask, %x, %y : (tensor<8x6xi1>, tensor<8x6xf32>, tensor<8x6xf32>) -> tensor<8x6xf32>
  %cast = of.cast %x to f64 : (tensor<8x6xf32>) -> tensor<8x6xf64>
  %constant = of.constant 0.5 : f32 : tensor<8x6xf32>
  %iota = of.iota 1 : tensor<8x6xi64>
  %expand = of.expand %row, %x : (tensor<6xf32>, tensor<8x6xf32>) -> tensor<8x6xf32>
  %accumulate = of.accumulate %x, %y : (tensor<8x6xf32>, tensor<8x6xf32>) -> tensor<8x6xf32>
  return
}

func.func @reductions(%x: tensor<8x6xf32>) {
  %sum = of.reduce_sum %x dims [1] : (tensor<8x6xf32>) -> tensor<8xf32>
  %max = of.reduce_max %x dims [1] keepdims : (tensor<8x6xf32>) -> tensor<8x1xf32>
  %min = of.reduce_min %x dims [0, 1] : (tensor<8x6xf32>) -> tensor<f32>
  return
}

func.func @contractions(%a: tensor<8x6xf32>, %b: tensor<6x4xf32>) {
  %matmul = of.matmul %a, %b : (tensor<8x6xf32>, tensor<6x4xf32>) -> tensor<8x4xf32>
  return
}

func.func @shapes(%x: tensor<8x6xf32>) {
  %reshape = of.reshape %x to [8, 2, 3] : (tensor<8x6xf32>) -> tensor<8x2x3xf32>
  %transpose = of.transpose %x [1, 0] : (tensor<8x6xf32>) -> tensor<6x8xf32>
  return
}

func.func @random(%step: tensor<i64>) {
  %uniform = of.random_uniform %step seed 1 id 7 : (tensor<i64>) -> tensor<8x6xf32>
  %normal = of.random_normal %step seed 1 id 8 : (tensor<i64>) -> tensor<8x6xf32>
  return
}

func.func @convolutions(%x: tensor<8x6x12x12xf32>, %w: tensor<4x6x3x3xf32>, %g: tensor<8x4x12x12xf32>) {
  %conv = of.conv2d %x, %w {pads = array<i64: 1, 1, 1, 1>} : (tensor<8x6x12x12xf32>, tensor<4x6x3x3xf32>) -> tensor<8x4x12x12xf32>
  %data = of.conv2d_backward_data %g, %w {input_size = array<i64: 12, 12>, pads = array<i64: 1, 1, 1, 1>} : (tensor<8x4x12x12xf32>, tensor<4x6x3x3xf32>) -> tensor<8x6x12x12xf32>
  %weights = of.conv2d_backward_weights %x, %g {kernel = array<i64: 3, 3>, pads = array<i64: 1, 1, 1, 1>} : (tensor<8x6x12x12xf32>, tensor<8x4x12x12xf32>) -> tensor<4x6x3x3xf32>
  return
}

func.func @pooling(%x: tensor<8x6x12x12xf32>, %g: tensor<8x6x6x6xf32>) {
  %max = of.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<8x6x12x12xf32>) -> tensor<8x6x6x6xf32>
  %max_grad = of.max_pool2d_backward %x, %g {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<8x6x12x12xf32>, tensor<8x6x6x6xf32>) -> tensor<8x6x12x12xf32>
  %avg = of.avg_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<8x6x12x12xf32>) -> tensor<8x6x6x6xf32>
  %avg_grad = of.avg_pool2d_backward %g {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, input_size = array<i64: 12, 12>} : (tensor<8x6x6x6xf32>) -> tensor<8x6x12x12xf32>
  return
}
