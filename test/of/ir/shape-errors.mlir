// RUN: of-opt %s --split-input-file --verify-diagnostics

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{reshape: dim 2 is 0 (copy) but the input has rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.reshape %x to [2, 3, 0] : (tensor<2x3xf32>) -> tensor<2x3x1xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{reshape: more than one dim is -1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.reshape %x to [-1, -1] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{reshape: 'tensor<2x3xf32>' does not divide into the given shape}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.reshape %x to [4, -1] : (tensor<2x3xf32>) -> tensor<4x1xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{reshape: 'tensor<2x3xf32>' has 6 elements, 'tensor<4x2xf32>' has 8}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.reshape %x to [4, 2] : (tensor<2x3xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{transpose: the permutation is not one of the 2 input dims}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.transpose %x [0, 0] : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{transpose: the permutation has 1 entries for rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.transpose %x [1] : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}
