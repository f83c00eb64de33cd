// RUN: of-opt %s --split-input-file --verify-diagnostics

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{reduction: dims are repeated or out of range for rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.reduce_sum %x dims [2] : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{reduction: dims are repeated or out of range for rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.reduce_max %x dims [0, 0] : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'of.reduce_sum' op needs its dims ascending and counted from the front}}
  %0 = of.reduce_sum %x dims [1, 0] : (tensor<2x3xf32>) -> tensor<f32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{'of.reduce_min' op inferred type(s) 'tensor<2x1xf32>' are incompatible}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.reduce_min %x dims [1] keepdims : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}
