// RUN: of-opt --of-assign-placements --of-distribute --split-input-file --verify-diagnostics %s

// Pins that cannot be had: each error names the op, the constraint and what would do.

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64], ["model", 2 : i64]]}}} {
  of.variable @w : tensor<4x6xf32> "parameter" trainable
  of.program @eval eval {
    %w = of.get @w : tensor<4x6xf32>
    %x = of.read @d : tensor<8x4xf32>
    // expected-error @+1 {{'of.matmul' op is pinned on axis 'rows', which its mesh does not have; its axes are "data", "model"}}
    %y = of.matmul %x, %w {of.pin = {rows = "S(0)"}} : (tensor<8x4xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
  }
}

// -----

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64], ["model", 2 : i64]]}}} {
  of.variable @w : tensor<4x6xf32> "parameter" trainable
  of.program @eval eval {
    %w = of.get @w : tensor<4x6xf32>
    %x = of.read @d : tensor<8x4xf32>
    // expected-error @+1 {{is pinned to "S(x)" on mesh axis 'model'; a pin is "S(dim)", "B" or "P"}}
    %y = of.matmul %x, %w {of.pin = {model = "S(x)"}} : (tensor<8x4xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
  }
}

// -----

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64], ["model", 2 : i64]]}}} {
  of.variable @w : tensor<4x6xf32> "parameter" trainable
  of.program @eval eval {
    %w = of.get @w : tensor<4x6xf32>
    %x = of.read @d : tensor<8x4xf32>
    // expected-error @+1 {{is pinned to 1 : i64 on mesh axis 'model'; a pin is "S(dim)", "B" or "P"}}
    %y = of.matmul %x, %w {of.pin = {model = 1 : i64}} : (tensor<8x4xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
  }
}

// -----

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64], ["model", 2 : i64]]}}} {
  of.variable @w : tensor<4x6xf32> "parameter" trainable
  of.program @eval eval {
    %w = of.get @w : tensor<4x6xf32>
    %x = of.read @d : tensor<8x4xf32>
    // expected-error @+1 {{is pinned to S(2) on mesh axis 'model', but the value has rank 2}}
    %y = of.matmul %x, %w {of.pin = {model = "S(2)"}} : (tensor<8x4xf32>, tensor<4x6xf32>) -> tensor<8x6xf32>
  }
}

// -----

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64], ["model", 2 : i64]]}}} {
  of.program @eval eval {
    %x = of.read @d : tensor<8x4xf32>
    // expected-error @+1 {{'of.relu' op is pinned to P on mesh axis 'model', which it cannot give; it accepts: [B]->[B] [S(0)]->[S(0)] [S(1)]->[S(1)]}}
    %y = of.relu %x {of.pin = {model = "P"}} : (tensor<8x4xf32>) -> tensor<8x4xf32>
  }
}

// -----

// A reshape that breaks rows up keeps them split, but nothing else.

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64], ["model", 2 : i64]]}}} {
  of.program @eval eval {
    %x = of.read @d : tensor<8x4xf32>
    // expected-error @+1 {{'of.reshape' op is pinned to S(1) on mesh axis 'data', which it cannot give; it accepts: [B]->[B] [S(0)]->[S(0)]}}
    %y = of.reshape %x to [32, 1] {of.pin = {data = "S(1)"}} : (tensor<8x4xf32>) -> tensor<32x1xf32>
  }
}

// -----

// A copy passes a partial value on, but there is none.

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64], ["model", 2 : i64]]}}} {
  of.program @eval eval {
    %x = of.read @d : tensor<8x4xf32>
    // expected-error @+1 {{'of.copy' op is pinned to be partial, but no operand is partial or can be split so that its result is; pin it to S(dim) or B, or relax the pins of its operands}}
    %y = of.copy %x {of.pin = {model = "P"}} : (tensor<8x4xf32>) -> tensor<8x4xf32>
  }
}

// -----

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64], ["model", 2 : i64]]}}} {
  of.program @eval eval {
    %x = of.read @d : tensor<8x4xf32>
    // expected-error @+1 {{is pinned to P on mesh axis 'data', but a bool is never partial; make it S or B}}
    %y = of.compare "gt" %x, %x {of.pin = {data = "P"}} : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xi1>
  }
}

// -----

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64], ["model", 2 : i64]]}}} {
  // expected-error @+1 {{'of.variable' op is pinned to [B, P], but a variable is never partial; pin it to S(dim) or B}}
  of.variable @w : tensor<4x6xf32> "parameter" trainable {of.pin = {model = "P"}}
}

// -----

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}, {kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64, parallel = {mesh = [["data", 2 : i64], ["model", 2 : i64]]}}} {
  of.program @eval eval {
    // expected-error @+1 {{refers to variable 'v', which the module does not have}}
    %w = of.get @v : tensor<4x6xf32>
  }
}
