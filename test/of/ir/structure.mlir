// RUN: of-opt %s | of-opt | FileCheck %s

// A training program as the Train rung leaves it.

// CHECK: of.variable @fc.weight : tensor<4x2xf32> "parameter" trainable
of.variable @fc.weight : tensor<4x2xf32> "parameter" trainable
// CHECK: of.variable @step : tensor<i64> "counter"
of.variable @step : tensor<i64> "counter"
// CHECK: of.dataset @train_data samples 60 fields [{name = "x"}] shuffle
of.dataset @train_data samples 60 fields [{name = "x"}] shuffle
// CHECK: of.dataset @eval_data samples 10 fields [{name = "x"}] mask
of.dataset @eval_data samples 10 fields [{name = "x"}] mask

// CHECK-LABEL: of.program @train train
of.program @train train {
  // CHECK: [[W:%.*]] = of.get @fc.weight : tensor<4x2xf32>
  %w = of.get @fc.weight : tensor<4x2xf32>
  // CHECK: [[SUMS:%.*]]:2 = of.micro count 4 -> tensor<f32>, tensor<2xf32>
  %sums:2 = of.micro count 4 -> tensor<f32>, tensor<2xf32> {
    // CHECK: of.read @train_data : tensor<3x4xf32>
    %x = of.read @train_data : tensor<3x4xf32>
    %y = of.matmul %x, %w : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
    %all = of.reduce_sum %y dims [0, 1] : (tensor<3x2xf32>) -> tensor<f32>
    %columns = of.reduce_sum %y dims [0] : (tensor<3x2xf32>) -> tensor<2xf32>
    // CHECK: of.yield {{%.*}}, {{%.*}} : tensor<f32>, tensor<2xf32>
    of.yield %all, %columns : tensor<f32>, tensor<2xf32>
  }
  %new = of.add %w, %sums#1 : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<4x2xf32>
  // CHECK: of.set @fc.weight, {{%.*}} : tensor<4x2xf32>
  of.set @fc.weight, %new : tensor<4x2xf32>
  // CHECK: of.check_finite [[SUMS]]#0, "loss" : tensor<f32>
  of.check_finite %sums#0, "loss" : tensor<f32>
  // CHECK: of.metric ["loss"], [[SUMS]]#0 : tensor<f32>
  of.metric ["loss"], %sums#0 : tensor<f32>
}
// CHECK: of.program @init init
of.program @init init {
}
// CHECK: of.program @eval eval
of.program @eval eval {
}
// CHECK: of.program @snapshot snapshot
of.program @snapshot snapshot {
}

// CHECK: of.program @infer infer
of.program @infer infer {
  %x = of.constant 1.0 : f32 : tensor<8x4xf32>
  // CHECK: of.output "logits", {{%.*}} : tensor<8x4xf32>
  of.output "logits", %x : tensor<8x4xf32>
}

// CHECK: of.loop 1
of.loop 1 {
  // CHECK-NEXT: of.run @init count 1
  of.run @init count 1
  // CHECK-NEXT: of.loop 5
  of.loop 5 {
    // CHECK-NEXT: of.run @train count 20
    of.run @train count 20
  }
}

// CHECK-LABEL: func.func @model
func.func @model() -> (tensor<4x2xf32>, tensor<2xf32>) {
  // CHECK: of.parameter "fc.weight" init(<xavier_uniform>) {fan = "in_out"} : tensor<4x2xf32>
  %w = of.parameter "fc.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<4x2xf32>
  // CHECK: of.parameter "mean" init(<constant, 0.000000e+00>) frozen : tensor<2xf32>
  %m = of.parameter "mean" init(#of.init<constant, 0.0>) frozen : tensor<2xf32>
  return %w, %m : tensor<4x2xf32>, tensor<2xf32>
}
