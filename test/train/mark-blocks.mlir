// RUN: of-opt %s --of-mark-blocks --split-input-file | FileCheck %s

// A small model is cut anywhere; parameters belong to their first user.
// CHECK-LABEL: module attributes {of.blocks,
// CHECK: of.parameter "w1" {{.*}}of.stage = 0 : i64
// CHECK: of.matmul {{.*}}of.stage = 0 : i64
// CHECK: of.parameter "w2" {{.*}}of.stage = 2 : i64
// CHECK: of.relu {{.*}}of.stage = 1 : i64
// CHECK: of.matmul {{.*}}of.stage = 2 : i64
module attributes {of.job = {model = "m.mlir", data = {train = {samples = 8 : i64, fields = [["x", {files = ["x"], format = "npy"}]]}}, loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1}}, batch = 8 : i64, steps = 1 : i64, parallel = {strategy = "auto"}}} {
  func.func @f(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
    %w1 = of.parameter "w1" init(#of.init<constant, 0.0>) : tensor<4x4xf32>
    %a = of.matmul %x, %w1 : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
    %w2 = of.parameter "w2" init(#of.init<constant, 0.0>) : tensor<4x4xf32>
    %b = of.relu %a : (tensor<8x4xf32>) -> tensor<8x4xf32>
    %c = of.matmul %b, %w2 : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
    return %c : tensor<8x4xf32>
  }
}

// -----

// Whoever names stages, a mesh or pins has decided.
// CHECK-LABEL: module attributes {of.job =
// CHECK-NOT: of.stage
module attributes {of.job = {model = "m.mlir", data = {train = {samples = 8 : i64, fields = [["x", {files = ["x"], format = "npy"}]]}}, loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1}}, batch = 8 : i64, steps = 1 : i64, parallel = {strategy = "auto", mesh = [["data", 2 : i64]]}}} {
  func.func @f(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
    %a = of.relu %x : (tensor<8x4xf32>) -> tensor<8x4xf32>
    %b = of.relu %a : (tensor<8x4xf32>) -> tensor<8x4xf32>
    return %b : tensor<8x4xf32>
  }
}

// -----

// CHECK-LABEL: module attributes {of.job =
// CHECK-NOT: of.stage
module attributes {of.job = {model = "m.mlir", data = {train = {samples = 8 : i64, fields = [["x", {files = ["x"], format = "npy"}]]}}, loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1}}, batch = 8 : i64, steps = 1 : i64, parallel = {strategy = "auto"}}} {
  func.func @f(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
    %a = of.relu %x {of.pin = {data = "S(0)"}} : (tensor<8x4xf32>) -> tensor<8x4xf32>
    %b = of.relu %a : (tensor<8x4xf32>) -> tensor<8x4xf32>
    return %b : tensor<8x4xf32>
  }
}

// -----

// What may be computed again has blocks of its own, here for a job that says so: one ends before the
// next product.
// CHECK-LABEL: module attributes {of.job =
// CHECK-NOT: of.stage
// CHECK: of.matmul {{.*}}of.block = 0 : i64
// CHECK: of.relu {{.*}}of.block = 0 : i64
// CHECK: of.matmul {{.*}}of.block = 1 : i64
module attributes {of.job = {model = "m.mlir", data = {train = {samples = 8 : i64, fields = [["x", {files = ["x"], format = "npy"}]]}}, loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1}}, batch = 8 : i64, steps = 1 : i64, parallel = {recompute = "full"}}} {
  func.func @f(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
    %w1 = of.parameter "w1" init(#of.init<constant, 0.0>) : tensor<4x4xf32>
    %a = of.matmul %x, %w1 : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
    %w2 = of.parameter "w2" init(#of.init<constant, 0.0>) : tensor<4x4xf32>
    %b = of.relu %a : (tensor<8x4xf32>) -> tensor<8x4xf32>
    %c = of.matmul %b, %w2 : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
    return %c : tensor<8x4xf32>
  }
}
