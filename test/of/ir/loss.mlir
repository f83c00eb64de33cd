// RUN: of-opt %s | of-opt | FileCheck %s

// CHECK-LABEL: func.func @losses
func.func @losses(%x: tensor<4x10xf32>, %labels: tensor<4xi64>, %deep: tensor<4x7x10xf32>, %tokens: tensor<4x7xui8>) {
  // CHECK: of.softmax {{%[a-z0-9]+}} : (tensor<4x10xf32>) -> tensor<4x10xf32>
  %0 = of.softmax %x : (tensor<4x10xf32>) -> tensor<4x10xf32>
  // CHECK: of.softmax {{.*}} {dim = 0 : i64} : (tensor<4x10xf32>) -> tensor<4x10xf32>
  %1 = of.softmax %x {dim = 0} : (tensor<4x10xf32>) -> tensor<4x10xf32>
  // CHECK: of.cross_entropy {{.*}} : (tensor<4x10xf32>, tensor<4xi64>) -> tensor<4xf32>
  %2 = of.cross_entropy %x, %labels : (tensor<4x10xf32>, tensor<4xi64>) -> tensor<4xf32>
  // CHECK: of.cross_entropy {{.*}} : (tensor<4x7x10xf32>, tensor<4x7xui8>) -> tensor<4x7xf32>
  %3 = of.cross_entropy %deep, %tokens : (tensor<4x7x10xf32>, tensor<4x7xui8>) -> tensor<4x7xf32>
  return
}
