// RUN: of-opt %s --of-decompose | FileCheck %s

// CHECK-LABEL: func.func @softmax
func.func @softmax(%x: tensor<4x10xf32>) -> tensor<4x10xf32> {
  // CHECK: [[MAX:%.*]] = of.reduce_max %arg0 dims [1] keepdims : (tensor<4x10xf32>) -> tensor<4x1xf32>
  // CHECK: [[TOP:%.*]] = of.stop_gradient [[MAX]]
  // CHECK: [[SUB:%.*]] = of.sub %arg0, [[TOP]]
  // CHECK: [[EXP:%.*]] = of.exp [[SUB]]
  // CHECK: [[SUM:%.*]] = of.reduce_sum [[EXP]] dims [1] keepdims
  // CHECK: [[OUT:%.*]] = of.div [[EXP]], [[SUM]]
  // CHECK-NOT: of.softmax
  %0 = of.softmax %x : (tensor<4x10xf32>) -> tensor<4x10xf32>
  // CHECK: return [[OUT]]
  return %0 : tensor<4x10xf32>
}

// CHECK-LABEL: func.func @mean
func.func @mean(%x: tensor<4x10xf32>) -> tensor<4xf32> {
  // CHECK: [[SUM:%.*]] = of.reduce_sum %arg0 dims [1] : (tensor<4x10xf32>) -> tensor<4xf32>
  // CHECK: [[N:%.*]] = of.constant {{1.000000e-01|1.000000e\+01}} : f32
  // CHECK: of.{{mul|div}} [[SUM]], [[N]]
  %0 = of.reduce_mean %x dims [1] : (tensor<4x10xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// The label is found by comparison, so that the classes may be split.
// CHECK-LABEL: func.func @cross_entropy
func.func @cross_entropy(%x: tensor<4x10xf32>, %labels: tensor<4xi32>) -> tensor<4xf32> {
  // CHECK: [[SUB:%.*]] = of.sub %arg0
  // CHECK: [[SUM:%.*]] = of.reduce_sum {{.*}} dims [1]
  // CHECK: [[LABEL:%.*]] = of.reshape %arg1 to [4, 1] : (tensor<4xi32>) -> tensor<4x1xi32>
  // CHECK: [[CLASS:%.*]] = of.iota 1 : tensor<4x10xi32>
  // CHECK: [[HIT:%.*]] = of.compare "eq" [[CLASS]], [[LABEL]]
  // CHECK: [[PICK:%.*]] = of.select [[HIT]], [[SUB]]
  // CHECK: [[PICKED:%.*]] = of.reduce_sum [[PICK]] dims [1]
  // CHECK: [[LOG:%.*]] = of.log [[SUM]]
  // CHECK: [[OUT:%.*]] = of.sub [[LOG]], [[PICKED]]
  %0 = of.cross_entropy %x, %labels : (tensor<4x10xf32>, tensor<4xi32>) -> tensor<4xf32>
  // CHECK: return [[OUT]]
  return %0 : tensor<4xf32>
}

// The parts stay on the op's stage; its pin goes to the value that replaces it.
// CHECK-LABEL: func.func @attributes
func.func @attributes(%x: tensor<4x10xf32>) -> tensor<4x10xf32> {
  // CHECK: of.reduce_max {{.*}} {of.stage = 1 : i64}
  // CHECK: of.exp {{.*}} {of.stage = 1 : i64}
  // CHECK: of.div {{.*}} {of.pin = {data = "S(0)"}, of.stage = 1 : i64}
  %0 = of.softmax %x {of.pin = {data = "S(0)"}, of.stage = 1 : i64} : (tensor<4x10xf32>) -> tensor<4x10xf32>
  return %0 : tensor<4x10xf32>
}

// Regions too.
// CHECK-LABEL: of.program @train
of.program @train train {
  %c = of.constant 1.0 : f32 : tensor<4x10xf32>
  // CHECK: of.micro
  // CHECK-NOT: of.softmax
  // CHECK: of.div
  %s = of.micro count 2 -> tensor<4x10xf32> {
    %0 = of.softmax %c : (tensor<4x10xf32>) -> tensor<4x10xf32>
    of.yield %0 : tensor<4x10xf32>
  }
}
