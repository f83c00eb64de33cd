// RUN: of-opt %s --of-build-programs --split-input-file --verify-diagnostics

// expected-error @+1 {{the module has no dictionary 'of.job'; import a job, or add the attribute}}
module {
  func.func @f(%x: tensor<8xf32>) -> tensor<8xf32> {
    return %x : tensor<8xf32>
  }
}

// -----

// expected-error @+1 {{key 'data' is missing: a job with a loss trains}}
module attributes {of.job = {model = "m.mlir", loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1}}, batch = 8 : i64, steps = 1 : i64}} {
  func.func @f(%x: tensor<8xf32>) -> tensor<8xf32> {
    return %x : tensor<8xf32>
  }
}

// -----

// expected-error @+1 {{needs one func.func, the model}}
module attributes {of.job = {
    model = "m.mlir", loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1}}, batch = 8 : i64, steps = 1 : i64,
    data = {train = {samples = 8 : i64, fields = [["x", {files = ["x.npy"], format = "npy", dtype = "f32", shape = []}]]}}}} {
}

// -----

module attributes {of.job = {
    model = "m.mlir", loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1}}, batch = 8 : i64, steps = 1 : i64,
    data = {train = {samples = 8 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}}}} {
  // expected-error @+1 {{field 'x' of the job has no dtype or shape; import fills them in}}
  func.func @f(%x: tensor<8xf32> {of.name = "x"}) -> tensor<8xf32> {
    return %x : tensor<8xf32>
  }
}

// -----

module attributes {of.job = {
    model = "m.mlir", loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1}}, batch = 8 : i64, steps = 1 : i64,
    data = {train = {samples = 8 : i64, fields = [["x", {files = ["x.npy"], format = "npy", dtype = "f32", shape = []}]]}}}} {
  // expected-error @+1 {{argument 0 has no of.name; import gives it one}}
  func.func @f(%x: tensor<8xf32>) -> tensor<8xf32> {
    return %x : tensor<8xf32>
  }
}

// -----

module attributes {of.job = {
    model = "m.mlir", loss = {output = 1 : i64}, optimizer = {sgd = {lr = 0.1}}, batch = 8 : i64, steps = 1 : i64,
    data = {train = {samples = 8 : i64, fields = [["x", {files = ["x.npy"], format = "npy", dtype = "f32", shape = []}]]}}}} {
  // expected-error @+1 {{the loss is result 1 of a model with 1}}
  func.func @f(%x: tensor<8xf32> {of.name = "x"}) -> tensor<8xf32> {
    return %x : tensor<8xf32>
  }
}

// -----

module attributes {of.job = {
    model = "m.mlir", loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1}}, batch = 8 : i64, steps = 1 : i64,
    data = {train = {samples = 8 : i64, fields = [["x", {files = ["x.npy"], format = "npy", dtype = "f32", shape = []}]]}}}} {
  // expected-error @+1 {{argument 0 has a dynamic shape; import fixes it to the rows of a micro-batch}}
  func.func @f(%x: tensor<?xf32> {of.name = "x"}) -> tensor<?xf32> {
    return %x : tensor<?xf32>
  }
}
