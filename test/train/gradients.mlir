// RUN: of-opt %s --of-build-programs --split-input-file 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=WARNING < %t.err

// Gradients of a value with two uses are added. The loss is the model's result itself.
// CHECK-LABEL: of.program @train train
// CHECK: [[W:%.*]] = of.get @w
// CHECK: [[X:%.*]] = of.read
// CHECK: [[S:%.*]] = of.sin [[W]]
// CHECK: of.expand
// CHECK: [[DP:%.*]] = of.mul {{.*}}, [[X]] :
// CHECK: [[DS:%.*]] = of.mul [[DP]], [[W]] :
// CHECK: [[DW1:%.*]] = of.mul [[DP]], [[S]] :
// CHECK: [[COS:%.*]] = of.cos [[W]]
// CHECK: [[DW2:%.*]] = of.mul [[DS]], [[COS]] :
// CHECK: [[DW:%.*]] = of.add [[DW1]], [[DW2]] :
// CHECK: of.yield [[DW]],
module attributes {of.job = {
    model = "m.mlir", loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1}}, batch = 8 : i64, steps = 1 : i64,
    data = {train = {samples = 8 : i64, fields = [["x", {files = ["x.npy"], format = "npy", dtype = "f32", shape = []}]]}}}} {
  func.func @f(%x: tensor<8xf32> {of.name = "x"}) -> tensor<8xf32> {
    %w = of.parameter "w" init(#of.init<constant, 1.0>) : tensor<8xf32>
    %s = of.sin %w : (tensor<8xf32>) -> tensor<8xf32>
    %p = of.mul %s, %w : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %y = of.mul %p, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    return %y : tensor<8xf32>
  }
}

// -----

// No gradient flows into frozen parameters nor through stop_gradient; a parameter that the loss does
// not depend on keeps its value, with a warning.
// WARNING: warning: the loss does not depend on parameter 'blocked'; it keeps its initial value
// CHECK: of.variable @w : tensor<8xf32> "parameter" trainable
// CHECK: of.variable @frozen : tensor<8xf32>
// CHECK-NOT: trainable
// CHECK: of.variable @blocked : tensor<8xf32> "parameter" trainable
// CHECK: of.program @train train
// CHECK: of.micro count 1 -> tensor<8xf32>, tensor<f32>
// CHECK: of.set @w
// CHECK-NOT: of.set @frozen
// CHECK-NOT: of.set @blocked
// CHECK: of.program @snapshot
module attributes {of.job = {
    model = "m.mlir", loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1}}, batch = 8 : i64, steps = 1 : i64,
    data = {train = {samples = 8 : i64, fields = [["x", {files = ["x.npy"], format = "npy", dtype = "f32", shape = []}]]}}}} {
  func.func @f(%x: tensor<8xf32> {of.name = "x"}) -> tensor<8xf32> {
    %w = of.parameter "w" init(#of.init<constant, 1.0>) : tensor<8xf32>
    %f = of.parameter "frozen" init(#of.init<constant, 1.0>) frozen : tensor<8xf32>
    %b = of.parameter "blocked" init(#of.init<constant, 1.0>) : tensor<8xf32>
    %s = of.stop_gradient %b : (tensor<8xf32>) -> tensor<8xf32>
    %0 = of.mul %w, %f : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %1 = of.mul %0, %s : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %2 = of.mul %1, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    return %2 : tensor<8xf32>
  }
}
