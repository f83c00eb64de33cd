// RUN: of-opt %s --split-input-file --verify-diagnostics

func.func @f(%x: tensor<2x3xf32>, %y: tensor<4xf32>) {
  // expected-error @+2 {{shapes do not broadcast: 'tensor<2x3xf32>' and 'tensor<4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.add %x, %y : (tensor<2x3xf32>, tensor<4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2xf32>, %y: tensor<2xf64>) {
  // expected-error @+2 {{element types differ: 'tensor<2xf32>' and 'tensor<2xf64>'; insert an of.cast}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.mul %x, %y : (tensor<2xf32>, tensor<2xf64>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2xf32>) {
  // expected-error @+2 {{'of.relu' op inferred type(s) 'tensor<2xf32>' are incompatible with return type(s) of operation 'tensor<3xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.relu %x : (tensor<2xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @f(%x: tensor<*xf32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of any type values}}
  %0 = of.relu %x : (tensor<*xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2xf32>) {
  // expected-error @+1 {{'of.compare' op has predicate 'below'; use eq, ne, lt, le, gt or ge}}
  %0 = of.compare "below" %x, %x : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
  return
}

// -----

func.func @f(%x: tensor<2xf32>) {
  // expected-error @+2 {{select: the condition is 'tensor<2xf32>', not a bool tensor}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.select %x, %x, %x : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%p: tensor<2xi1>, %x: tensor<2xf32>, %y: tensor<3xf32>) {
  // expected-error @+2 {{shapes do not broadcast: 'tensor<2xf32>' and 'tensor<3xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.select %p, %x, %y : (tensor<2xi1>, tensor<2xf32>, tensor<3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2xf32>) {
  // expected-error @+2 {{'of.cast' op inferred type(s) 'tensor<2xf64>' are incompatible}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = of.cast %x to f64 : (tensor<2xf32>) -> tensor<2xi32>
  return
}

// -----

// expected-error @+1 {{'of.constant' op has value 1 : i32 for a tensor of 'f32'}}
%0 = of.constant 1 : i32 : tensor<2xf32>
