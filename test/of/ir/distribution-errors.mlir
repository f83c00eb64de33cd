// RUN: of-opt %s --split-input-file --verify-diagnostics

#mesh = #of.mesh<"line", [data = 2], [0, 1]>
func.func @f(%x: tensor<8xf32, #of.dist<#mesh, [S(0)]>>, %y: tensor<8xf32>) {
  // expected-error @+1 {{'of.add' op mixes distributed and plain tensors; every operand and result needs an #of.dist encoding}}
  %0 = of.add %x, %y : (tensor<8xf32, #of.dist<#mesh, [S(0)]>>, tensor<8xf32>) -> tensor<8xf32, #of.dist<#mesh, [S(0)]>>
  return
}

// -----

#mesh = #of.mesh<"line", [data = 2], [0, 1]>
#other = #of.mesh<"other", [data = 2], [2, 3]>
func.func @f(%x: tensor<8xf32, #of.dist<#mesh, [B]>>, %y: tensor<8xf32, #of.dist<#other, [B]>>) {
  // expected-error @+1 {{'of.add' op has values on mesh 'line' and on mesh 'other'; only of.boxing moves between meshes}}
  %0 = of.add %x, %y : (tensor<8xf32, #of.dist<#mesh, [B]>>, tensor<8xf32, #of.dist<#other, [B]>>) -> tensor<8xf32, #of.dist<#mesh, [B]>>
  return
}

// -----

// relu of a partial sum is not the sum of relus.
#mesh = #of.mesh<"line", [data = 2], [0, 1]>
func.func @f(%x: tensor<8xf32, #of.dist<#mesh, [P]>>) {
  // expected-error @+1 {{'of.relu' op does not accept (P) -> (P) on mesh axis 'data' of size 2; it accepts: [B]->[B] [S(0)]->[S(0)]}}
  %0 = of.relu %x : (tensor<8xf32, #of.dist<#mesh, [P]>>) -> tensor<8xf32, #of.dist<#mesh, [P]>>
  return
}

// -----

// A sum over the split dim is partial, not whole.
#mesh = #of.mesh<"line", [data = 2], [0, 1]>
func.func @f(%x: tensor<8x4xf32, #of.dist<#mesh, [S(1)]>>) {
  // expected-error @+1 {{'of.reduce_sum' op does not accept (S(1)) -> (B) on mesh axis 'data'}}
  %0 = of.reduce_sum %x dims [1] : (tensor<8x4xf32, #of.dist<#mesh, [S(1)]>>) -> tensor<8xf32, #of.dist<#mesh, [B]>>
  return
}

// -----

#mesh = #of.mesh<"line", [data = 2], [0, 1]>
func.func @f(%x: tensor<8x4xf32, #of.dist<#mesh, [S(1)]>>, %w: tensor<4x6xf32, #of.dist<#mesh, [B]>>) {
  // expected-error @+1 {{'of.matmul' op does not accept (S(1), B) -> (P) on mesh axis 'data'}}
  %0 = of.matmul %x, %w : (tensor<8x4xf32, #of.dist<#mesh, [S(1)]>>, tensor<4x6xf32, #of.dist<#mesh, [B]>>) -> tensor<8x6xf32, #of.dist<#mesh, [P]>>
  return
}

// -----

// Of 6 x 4 rows each device would hold 3 x 4, but of 3 x 8 one holds 2 x 8 and one 1 x 8.
#mesh = #of.mesh<"line", [data = 2], [0, 1]>
func.func @f(%x: tensor<6x4xf32, #of.dist<#mesh, [S(0)]>>) {
  // expected-error @+1 {{'of.reshape' op does not accept (S(0)) -> (S(0)) on mesh axis 'data' of size 2; it accepts: [B]->[B] [S(0)]->[S(0)] (even splits)}}
  %0 = of.reshape %x to [3, 8] : (tensor<6x4xf32, #of.dist<#mesh, [S(0)]>>) -> tensor<3x8xf32, #of.dist<#mesh, [S(0)]>>
  return
}

// -----

#mesh = #of.mesh<"line", [data = 2], [0, 1]>
func.func @f(%x: tensor<8xf32>) {
  // expected-error @+1 {{'of.boxing' op needs a distribution on its input and on its result}}
  %0 = of.boxing %x : tensor<8xf32> to tensor<8xf32, #of.dist<#mesh, [B]>>
  return
}

// -----

#mesh = #of.mesh<"line", [data = 2], [0, 1]>
func.func @f(%x: tensor<8xf32, #of.dist<#mesh, [B]>>) {
  // expected-error @+1 {{'of.boxing' op changes the shape or element type; it may change the distribution only}}
  %0 = of.boxing %x : tensor<8xf32, #of.dist<#mesh, [B]>> to tensor<4xf32, #of.dist<#mesh, [B]>>
  return
}

// -----

#mesh = #of.mesh<"line", [data = 2], [0, 1]>
func.func @f(%x: tensor<8xf32, #of.dist<#mesh, [B]>>) {
  // expected-error @+1 {{'of.boxing' op cannot produce a partial maximum or minimum}}
  %0 = of.boxing %x : tensor<8xf32, #of.dist<#mesh, [B]>> to tensor<8xf32, #of.dist<#mesh, [P(max)]>>
  return
}
