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
  %atan = of.atan %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
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

func.func @logic(%p: tensor<8x6xi1>, %q: tensor<8x6xi1>, %x: tensor<8x6xf32>) {
  %and = of.and %p, %q : (tensor<8x6xi1>, tensor<8x6xi1>) -> tensor<8x6xi1>
  %or = of.or %p, %q : (tensor<8x6xi1>, tensor<8x6xi1>) -> tensor<8x6xi1>
  %xor = of.xor %p, %q : (tensor<8x6xi1>, tensor<8x6xi1>) -> tensor<8x6xi1>
  %round = of.round %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  return
}

func.func @activations(%x: tensor<8x6xf32>) {
  %reciprocal = of.reciprocal %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %leaky_relu = of.leaky_relu %x {alpha = 0.01 : f64} : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %elu = of.elu %x {alpha = 1.0 : f64} : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %softplus = of.softplus %x : (tensor<8x6xf32>) -> tensor<8x6xf32>
  %clip = of.clip %x {min = 0.0 : f64, max = 6.0 : f64} : (tensor<8x6xf32>) -> tensor<8x6xf32>
  return
}

func.func @rows(%table: tensor<8x6xf32>, %i: tensor<4x2xi64>, %g: tensor<4x2x6xf32>) {
  %rows = of.embedding %table, %i : (tensor<8x6xf32>, tensor<4x2xi64>) -> tensor<4x2x6xf32>
  %grad = of.embedding_backward %i, %g {rows = 8 : i64} : (tensor<4x2xi64>, tensor<4x2x6xf32>) -> tensor<8x6xf32>
  return
}

func.func @slices(%x: tensor<8x6xf32>, %y: tensor<8x6xf32>) {
  %slice = of.slice %x {starts = array<i64: 0, 1>, sizes = array<i64: 8, 4>, steps = array<i64: 1, 1>} : (tensor<8x6xf32>) -> tensor<8x4xf32>
  %pad = of.pad %x {low = array<i64: 0, 1>, high = array<i64: 0, 1>, interior = array<i64: 0, 0>} : (tensor<8x6xf32>) -> tensor<8x8xf32>
  %concat = of.concat %x, %y {dim = 1 : i64} : (tensor<8x6xf32>, tensor<8x6xf32>) -> tensor<8x12xf32>
  return
}
