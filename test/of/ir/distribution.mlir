// RUN: of-opt %s | of-opt | FileCheck %s

// Ops accept the distributions of their signatures, axis by axis; boxing changes them.

#line = #of.mesh<"line", [data = 2], [0, 1]>
#grid = #of.mesh<"grid", [data = 2, model = 2], [0, 1, 2, 3]>

// Data-parallel: rows split.
// CHECK-LABEL: func.func @rows
func.func @rows(%x: tensor<8x4xf32, #of.dist<#line, [S(0)]>>, %w: tensor<4x6xf32, #of.dist<#line, [B]>>) {
  // CHECK: of.matmul {{.*}} -> tensor<8x6xf32, #of.dist<#mesh_line, [S(0)]>>
  %0 = of.matmul %x, %w : (tensor<8x4xf32, #of.dist<#line, [S(0)]>>, tensor<4x6xf32, #of.dist<#line, [B]>>) -> tensor<8x6xf32, #of.dist<#line, [S(0)]>>
  // CHECK: of.relu {{.*}} -> tensor<8x6xf32, #of.dist<#mesh_line, [S(0)]>>
  %1 = of.relu %0 : (tensor<8x6xf32, #of.dist<#line, [S(0)]>>) -> tensor<8x6xf32, #of.dist<#line, [S(0)]>>
  return
}

// Two axes, each with its own signature: rows split, and the inner dim, which leaves partial sums.
// CHECK-LABEL: func.func @hybrid
func.func @hybrid(%x: tensor<8x4xf32, #of.dist<#grid, [S(0), S(1)]>>, %w: tensor<4x6xf32, #of.dist<#grid, [B, S(0)]>>) -> tensor<8x6xf32, #of.dist<#grid, [S(0), B]>> {
  // CHECK: of.matmul {{.*}} -> tensor<8x6xf32, #of.dist<#mesh_grid, [S(0), P]>>
  %0 = of.matmul %x, %w : (tensor<8x4xf32, #of.dist<#grid, [S(0), S(1)]>>, tensor<4x6xf32, #of.dist<#grid, [B, S(0)]>>) -> tensor<8x6xf32, #of.dist<#grid, [S(0), P]>>
  // CHECK: of.boxing {{.*}} : tensor<8x6xf32, #of.dist<#mesh_grid, [S(0), P]>> to tensor<8x6xf32, #of.dist<#mesh_grid, [S(0), B]>>
  %1 = of.boxing %0 : tensor<8x6xf32, #of.dist<#grid, [S(0), P]>> to tensor<8x6xf32, #of.dist<#grid, [S(0), B]>>
  return %1 : tensor<8x6xf32, #of.dist<#grid, [S(0), B]>>
}

// Addition is linear: partial plus partial is partial. A reduction over a split dim is partial too.
// CHECK-LABEL: func.func @partial
func.func @partial(%x: tensor<8x4xf32, #of.dist<#line, [P]>>, %y: tensor<8x4xf32, #of.dist<#line, [S(1)]>>) {
  // CHECK: of.add {{.*}} -> tensor<8x4xf32, #of.dist<#mesh_line, [P]>>
  %0 = of.add %x, %x : (tensor<8x4xf32, #of.dist<#line, [P]>>, tensor<8x4xf32, #of.dist<#line, [P]>>) -> tensor<8x4xf32, #of.dist<#line, [P]>>
  // CHECK: of.reduce_sum {{.*}} -> tensor<8xf32, #of.dist<#mesh_line, [P]>>
  %1 = of.reduce_sum %y dims [1] : (tensor<8x4xf32, #of.dist<#line, [S(1)]>>) -> tensor<8xf32, #of.dist<#line, [P]>>
  // CHECK: of.reduce_max {{.*}} -> tensor<8xf32, #of.dist<#mesh_line, [P(max)]>>
  %2 = of.reduce_max %y dims [1] : (tensor<8x4xf32, #of.dist<#line, [S(1)]>>) -> tensor<8xf32, #of.dist<#line, [P(max)]>>
  return
}

// Splits may be uneven; a reshape of the split dim needs an even one.
// CHECK-LABEL: func.func @uneven
func.func @uneven(%x: tensor<7x4xf32, #of.dist<#line, [S(0)]>>, %y: tensor<8x4xf32, #of.dist<#line, [S(0)]>>) {
  // CHECK: of.exp {{.*}} -> tensor<7x4xf32, #of.dist<#mesh_line, [S(0)]>>
  %0 = of.exp %x : (tensor<7x4xf32, #of.dist<#line, [S(0)]>>) -> tensor<7x4xf32, #of.dist<#line, [S(0)]>>
  // CHECK: of.reshape {{.*}} -> tensor<32xf32, #of.dist<#mesh_line, [S(0)]>>
  %1 = of.reshape %y to [32] : (tensor<8x4xf32, #of.dist<#line, [S(0)]>>) -> tensor<32xf32, #of.dist<#line, [S(0)]>>
  return
}
