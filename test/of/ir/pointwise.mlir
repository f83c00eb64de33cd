// RUN: of-opt %s | of-opt | FileCheck %s

// CHECK-LABEL: func.func @unary
func.func @unary(%x: tensor<2x3xf32>, %p: tensor<2xi1>) {
  // CHECK: of.neg {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %0 = of.neg %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.abs
  %1 = of.abs %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.sign
  %2 = of.sign %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.exp
  %3 = of.exp %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.log
  %4 = of.log %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.sqrt
  %5 = of.sqrt %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.rsqrt
  %6 = of.rsqrt %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.tanh
  %7 = of.tanh %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.erf
  %8 = of.erf %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.sin
  %9 = of.sin %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.cos
  %10 = of.cos %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.floor
  %11 = of.floor %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.ceil
  %12 = of.ceil %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.relu
  %13 = of.relu %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.sigmoid
  %14 = of.sigmoid %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.not {{.*}} : (tensor<2xi1>) -> tensor<2xi1>
  %15 = of.not %p : (tensor<2xi1>) -> tensor<2xi1>
  // CHECK: of.stop_gradient
  %16 = of.stop_gradient %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.copy
  %17 = of.copy %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// Binary ops broadcast as numpy does: dims are aligned at the end, size 1 stretches.
// CHECK-LABEL: func.func @binary
func.func @binary(%x: tensor<2x3xf32>, %row: tensor<3xf32>, %column: tensor<2x1xf32>, %scalar: tensor<f32>, %batch: tensor<?x3xf32>) {
  // CHECK: of.add {{.*}} -> tensor<2x3xf32>
  %0 = of.add %x, %row : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: of.sub {{.*}} -> tensor<2x3xf32>
  %1 = of.sub %row, %column : (tensor<3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
  // CHECK: of.mul {{.*}} -> tensor<2x3xf32>
  %2 = of.mul %scalar, %x : (tensor<f32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.div {{.*}} -> tensor<?x3xf32>
  %3 = of.div %batch, %row : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  // CHECK: of.max
  %4 = of.max %x, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.min
  %5 = of.min %x, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK: of.pow
  %6 = of.pow %x, %scalar : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  // CHECK: of.compare "lt" {{.*}} -> tensor<2x3xi1>
  %7 = of.compare "lt" %x, %row : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  // CHECK: of.select {{.*}} : (tensor<2x3xi1>, tensor<f32>, tensor<3xf32>) -> tensor<2x3xf32>
  %8 = of.select %7, %scalar, %row : (tensor<2x3xi1>, tensor<f32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: of.accumulate
  %9 = of.accumulate %x, %8 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// CHECK-LABEL: func.func @others
func.func @others(%x: tensor<2x3xf32>, %row: tensor<3xf32>) {
  // CHECK: of.cast {{.*}} to f64 : (tensor<2x3xf32>) -> tensor<2x3xf64>
  %0 = of.cast %x to f64 : (tensor<2x3xf32>) -> tensor<2x3xf64>
  // CHECK: of.constant 5.000000e-01 : f32 : tensor<4x4xf32>
  %1 = of.constant 5.000000e-01 : f32 : tensor<4x4xf32>
  // CHECK: of.iota 1 : tensor<2x3xi64>
  %2 = of.iota 1 : tensor<2x3xi64>
  // CHECK: of.expand {{.*}} : (tensor<3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = of.expand %row, %x : (tensor<3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}
