// RUN: of-opt %s | of-opt | FileCheck %s

// CHECK-LABEL: func.func @reshape
func.func @reshape(%x: tensor<2x3x4xf32>, %batch: tensor<?x3x4xf32>) {
  // CHECK: of.reshape {{.*}} to [6, 4] : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
  %0 = of.reshape %x to [6, 4] : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
  // 0 copies the input's dim, -1 is inferred.
  // CHECK: of.reshape {{.*}} to [0, -1] : (tensor<2x3x4xf32>) -> tensor<2x12xf32>
  %1 = of.reshape %x to [0, -1] : (tensor<2x3x4xf32>) -> tensor<2x12xf32>
  // CHECK: of.reshape {{.*}} to [0, -1] : (tensor<?x3x4xf32>) -> tensor<?x12xf32>
  %2 = of.reshape %batch to [0, -1] : (tensor<?x3x4xf32>) -> tensor<?x12xf32>
  return
}

// CHECK-LABEL: func.func @transpose
func.func @transpose(%x: tensor<2x3x4xf32>) {
  // CHECK: of.transpose {{.*}} [2, 0, 1] : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %0 = of.transpose %x [2, 0, 1] : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  return
}
