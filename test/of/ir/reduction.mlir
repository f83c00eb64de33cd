// RUN: of-opt %s | of-opt | FileCheck %s

// CHECK-LABEL: func.func @reductions
func.func @reductions(%x: tensor<2x3x4xf32>) {
  // CHECK: of.reduce_sum {{.*}} dims [1] : (tensor<2x3x4xf32>) -> tensor<2x4xf32>
  %0 = of.reduce_sum %x dims [1] : (tensor<2x3x4xf32>) -> tensor<2x4xf32>
  // CHECK: of.reduce_max {{.*}} dims [0, 2] keepdims : (tensor<2x3x4xf32>) -> tensor<1x3x1xf32>
  %1 = of.reduce_max %x dims [0, 2] keepdims : (tensor<2x3x4xf32>) -> tensor<1x3x1xf32>
  // CHECK: of.reduce_min {{.*}} dims [0, 1, 2] : (tensor<2x3x4xf32>) -> tensor<f32>
  %2 = of.reduce_min %x dims [0, 1, 2] : (tensor<2x3x4xf32>) -> tensor<f32>
  // CHECK: of.reduce_mean {{.*}} dims [1, 2] : (tensor<2x3x4xf32>) -> tensor<2xf32>
  %3 = of.reduce_mean %x dims [1, 2] : (tensor<2x3x4xf32>) -> tensor<2xf32>
  return
}
