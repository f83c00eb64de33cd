// RUN: of-opt --of-assign-placements --split-input-file --verify-diagnostics %s

// expected-error @+1 {{the mesh of the job spans 3 devices for each of 1 stage, but the cluster has 4; change parallel.mesh or the cluster}}
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 3 : i64]]}}} {
}

// -----

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64]], stages = ["y"]}}} {
  // expected-error @+1 {{'of.variable' op is placed on stage 2, but the job has 2 stages; stages are numbered from 0}}
  of.variable @w : tensor<4xf32> "parameter" {of.stage = 2 : i64}
}

// -----

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64]], stages = ["y"]}}} {
  of.program @eval eval {
    %x = of.read @d : tensor<8x4xf32>
    // expected-error @+1 {{'of.relu' op is placed on stage -1}}
    %y = of.relu %x {of.stage = -1 : i64} : (tensor<8x4xf32>) -> tensor<8x4xf32>
  }
}

// -----

// Stages that the model names itself need as many devices.

// expected-error @+1 {{the mesh of the job spans 2 devices for each of 3 stages, but the cluster has 4; change}}
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64]]}}} {
  of.variable @w : tensor<4xf32> "parameter" {of.stage = 2 : i64}
}

// -----

// expected-error @+2 {{the module has no dictionary 'of.job'}}
// expected-error @+1 {{the module has no dictionary 'of.cluster'}}
module {
}
