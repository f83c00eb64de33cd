// RUN: of-opt %s --split-input-file --verify-diagnostics

func.func @f(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error @+2 {{matmul: inner dims 3 and 4 differ: 'tensor<2x3xf32>' times 'tensor<4x5xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.matmul %a, %b : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%a: tensor<3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+2 {{matmul: needs lhs of rank >= 2 and rhs of the same rank or of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.matmul %a, %b : (tensor<3xf32>, tensor<3x5xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @f(%a: tensor<2x3xf32>, %b: tensor<3x5xf64>) {
  // expected-error @+2 {{matmul: element types differ: 'tensor<2x3xf32>' and 'tensor<3x5xf64>'; insert an of.cast}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.matmul %a, %b : (tensor<2x3xf32>, tensor<3x5xf64>) -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%a: tensor<7x3x2xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+2 {{matmul: transpose_lhs with a batched lhs needs a batched rhs}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.matmul %a, %b transpose_lhs : (tensor<7x3x2xf32>, tensor<3x5xf32>) -> tensor<7x2x5xf32>
  return
}

// -----

func.func @f(%a: tensor<7x2x3xf32>, %b: tensor<6x3x5xf32>) {
  // expected-error @+2 {{matmul: batch dims differ: 'tensor<7x2x3xf32>' times 'tensor<6x3x5xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.matmul %a, %b : (tensor<7x2x3xf32>, tensor<6x3x5xf32>) -> tensor<7x2x5xf32>
  return
}

// -----

func.func @f(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+2 {{'of.matmul' op inferred type(s) 'tensor<2x5xf32>' are incompatible}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.matmul %a, %b : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<5x2xf32>
  return
}
