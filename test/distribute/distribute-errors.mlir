// RUN: of-opt --of-distribute --split-input-file --verify-diagnostics %s

// Programs are placed before they are distributed.

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64], ["model", 2 : i64]]}}} {
  // expected-error @+1 {{'of.variable' op has no of.placement; run of-assign-placements first}}
  of.variable @w : tensor<4xf32> "parameter"
}

// -----

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64], ["model", 2 : i64]]}}} {
  of.program @eval eval {
    // expected-error @+1 {{'of.read' op has no of.placement; run of-assign-placements first}}
    %x = of.read @d : tensor<8x4xf32>
  }
}
