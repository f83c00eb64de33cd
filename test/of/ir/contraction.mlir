// RUN: of-opt %s | of-opt | FileCheck %s

// CHECK-LABEL: func.func @matmul
func.func @matmul(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>, %bt: tensor<5x3xf32>, %batched: tensor<7x2x3xf32>, %batched_rhs: tensor<7x5x3xf32>) {
  // CHECK: of.matmul {{.*}} : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  %0 = of.matmul %a, %b : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  // CHECK: of.matmul {{.*}} transpose_rhs : (tensor<2x3xf32>, tensor<5x3xf32>) -> tensor<2x5xf32>
  %1 = of.matmul %a, %bt transpose_rhs : (tensor<2x3xf32>, tensor<5x3xf32>) -> tensor<2x5xf32>
  // CHECK: of.matmul {{.*}} transpose_lhs transpose_rhs : (tensor<3x5xf32>, tensor<2x3xf32>) -> tensor<5x2xf32>
  %2 = of.matmul %b, %a transpose_lhs transpose_rhs : (tensor<3x5xf32>, tensor<2x3xf32>) -> tensor<5x2xf32>
  // One right-hand side for every batch, and one for each.
  // CHECK: of.matmul {{.*}} : (tensor<7x2x3xf32>, tensor<3x5xf32>) -> tensor<7x2x5xf32>
  %3 = of.matmul %batched, %b : (tensor<7x2x3xf32>, tensor<3x5xf32>) -> tensor<7x2x5xf32>
  // CHECK: of.matmul {{.*}} transpose_rhs : (tensor<7x2x3xf32>, tensor<7x5x3xf32>) -> tensor<7x2x5xf32>
  %4 = of.matmul %batched, %batched_rhs transpose_rhs : (tensor<7x2x3xf32>, tensor<7x5x3xf32>) -> tensor<7x2x5xf32>
  return
}
