// RUN: of-opt --of-assign-placements --of-distribute --of-verify-distributed %s | FileCheck %s

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]},
                         {name = "n2", devices = [{kind = "cpu"}]}, {name = "n3", devices = [{kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64], ["model", 2 : i64]]}}} {
  // CHECK: of.variable @table : tensor<100x8xf32, {{.*}}[B, S(0)]>> "parameter"{{$}}
  of.variable @table : tensor<100x8xf32> "parameter" {of.pin = {model = "S(0)"}}
  of.variable @bias : tensor<8xf32> "parameter"

  // A constant that is needed split and whole stands twice; what lies split is made split.
  // CHECK-LABEL: of.program @init
  // CHECK-DAG: %[[SPLIT:.*]] = of.constant 5.000000e-01 : f32 : tensor<100x8xf32, {{.*}}[B, S(0)]>>
  // CHECK-DAG: %[[WHOLE:.*]] = of.constant 5.000000e-01 : f32 : tensor<100x8xf32, {{.*}}[B, B]>>
  // CHECK: of.reduce_sum %[[WHOLE]]
  // CHECK: of.set @table, %[[SPLIT]]
  of.program @init init {
    %c = of.constant 0.5 : f32 : tensor<100x8xf32>
    %s = of.reduce_sum %c dims [0] : (tensor<100x8xf32>) -> tensor<8xf32>
    of.set @table, %c : tensor<100x8xf32>
    of.set @bias, %s : tensor<8xf32>
  }

  // A value that is needed in two ways is reduced once: the second version is made from the first.
  // CHECK-LABEL: of.program @snapshot
  // CHECK: %[[P:.*]] = of.reduce_sum
  // CHECK-NEXT: %[[B:.*]] = of.boxing %[[P]] : {{.*}}[P, B]>> to {{.*}}[B, B]>>
  // CHECK-NEXT: %[[S:.*]] = of.boxing %[[B]] : {{.*}}[B, B]>> to {{.*}}[B, S(0)]>>
  // CHECK-NEXT: of.exp %[[B]]
  // CHECK-NEXT: of.tanh %[[S]]
  of.program @snapshot snapshot {
    %x = of.read @d : tensor<8x4xf32>
    %p = of.reduce_sum %x dims [0] : (tensor<8x4xf32>) -> tensor<4xf32>
    %e = of.exp %p {of.pin = {data = "B", model = "B"}} : (tensor<4xf32>) -> tensor<4xf32>
    %t = of.tanh %p {of.pin = {model = "S(0)"}} : (tensor<4xf32>) -> tensor<4xf32>
  }

  // CHECK-LABEL: of.program @eval
  of.program @eval eval {
    %b = of.get @bias : tensor<8xf32>
    %x = of.read @d : tensor<8x4xf32>

    // Two users need the sum: it is reduced once, right behind its producer.
    // CHECK: %[[X:.*]] = of.read
    // CHECK: %[[P:.*]] = of.reduce_sum %[[X]] {{.*}} -> tensor<4xf32, {{.*}}[P, B]>>
    // CHECK-NEXT: %[[S:.*]] = of.boxing %[[P]] : {{.*}}[P, B]>> to {{.*}}[B, B]>>
    // CHECK-NEXT: of.exp %[[S]]
    // CHECK-NEXT: of.tanh %[[S]]
    %p = of.reduce_sum %x dims [0] : (tensor<8x4xf32>) -> tensor<4xf32>
    %e = of.exp %p : (tensor<4xf32>) -> tensor<4xf32>
    %t = of.tanh %p : (tensor<4xf32>) -> tensor<4xf32>

    // A square is not linear: the sum that is there already is squared.
    // CHECK-NEXT: of.mul %[[S]], %[[S]]
    %sq = of.mul %p, %p : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>

    // A reshape that merges or breaks up rows keeps them split if the parts divide evenly. Three rows
    // of two devices do not: then it works on the whole.
    // CHECK: of.reshape %[[X]] {{.*}} : (tensor<8x4xf32, {{.*}}[S(0), B]>>) -> tensor<2x16xf32, {{.*}}[S(0), B]>>
    // CHECK: %[[Y:.*]] = of.read
    // CHECK: %[[YW:.*]] = of.boxing %[[Y]] : {{.*}}[S(0), B]>> to {{.*}}[B, B]>>
    // CHECK: of.reshape %[[YW]] {{.*}} -> tensor<3x8xf32, {{.*}}[B, B]>>
    %r = of.reshape %x to [2, 16] : (tensor<8x4xf32>) -> tensor<2x16xf32>
    %y = of.read @d : tensor<6x4xf32>
    %ry = of.reshape %y to [3, 8] : (tensor<6x4xf32>) -> tensor<3x8xf32>

    // Whole by pin: any value can be had whole.
    // CHECK: %[[R:.*]] = of.relu %[[X]] {{.*}} -> tensor<8x4xf32, {{.*}}[S(0), B]>>
    // CHECK-NEXT: %[[RW:.*]] = of.boxing %[[R]] : {{.*}}[S(0), B]>> to {{.*}}[B, B]>>
    // CHECK: of.neg %[[RW]] : (tensor<8x4xf32, {{.*}}[B, B]>>)
    %w = of.relu %x {of.pin = {data = "B"}} : (tensor<8x4xf32>) -> tensor<8x4xf32>
    %n = of.neg %w : (tensor<8x4xf32>) -> tensor<8x4xf32>

    // Partial by pin, and partial it stays until someone needs it.
    // CHECK: %[[Q:.*]] = of.reduce_sum %{{.*}} dims [1] : (tensor<8x4xf32, {{.*}}[S(0), S(1)]>>) -> tensor<8xf32, {{.*}}[S(0), P]>>
    // CHECK-NEXT: of.boxing %[[Q]]
    %q = of.reduce_sum %x dims [1] {of.pin = {model = "P"}} : (tensor<8x4xf32>) -> tensor<8xf32>
    %z = of.exp %q : (tensor<8xf32>) -> tensor<8xf32>
  }
}
