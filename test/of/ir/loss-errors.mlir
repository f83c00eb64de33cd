// RUN: of-opt %s --split-input-file --verify-diagnostics

func.func @f(%x: tensor<4x10xf32>, %labels: tensor<5xi64>) {
  // expected-error @+2 {{cross_entropy: logits 'tensor<4x10xf32>' need integer labels of one dim less, got 'tensor<5xi64>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.cross_entropy %x, %labels : (tensor<4x10xf32>, tensor<5xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4x10xf32>, %labels: tensor<4xf32>) {
  // expected-error @+2 {{need integer labels of one dim less, got 'tensor<4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.cross_entropy %x, %labels : (tensor<4x10xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4x10xf32>) {
  // expected-error @+2 {{'of.softmax' op inferred type(s) 'tensor<4x10xf32>' are incompatible}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.softmax %x : (tensor<4x10xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4x10xf32>) {
  // expected-error @+2 {{softmax: dim 2 is out of range for 'tensor<4x10xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.softmax %x {dim = 2} : (tensor<4x10xf32>) -> tensor<4x10xf32>
  return
}
