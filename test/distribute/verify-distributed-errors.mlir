// RUN: of-opt --of-verify-distributed --split-input-file --verify-diagnostics %s

#mesh = #of.mesh<"main", [data = 2, model = 2], [0, 1, 2, 3]>
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]},
                         {name = "n2", devices = [{kind = "cpu"}]}, {name = "n3", devices = [{kind = "cpu"}]}]}} {
  of.program @eval eval {
    // expected-error @+1 {{'of.read' op has the tensor 'tensor<8x4xf32>' without a distribution; run of-distribute first}}
    %x = of.read @d : tensor<8x4xf32>
  }
}

// -----

#mesh = #of.mesh<"main", [data = 2, model = 2], [0, 1, 2, 3]>
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]},
                         {name = "n2", devices = [{kind = "cpu"}]}, {name = "n3", devices = [{kind = "cpu"}]}]}} {
  // expected-error @+1 {{'of.variable' op is [B, P]; a variable is never partial}}
  of.variable @w : tensor<4xf32, #of.dist<#mesh, [B, P]>> "parameter"
  of.program @eval eval {
  }
}

// -----

#mesh = #of.mesh<"main", [data = 2, model = 2], [0, 1, 2, 3]>
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]},
                         {name = "n2", devices = [{kind = "cpu"}]}, {name = "n3", devices = [{kind = "cpu"}]}]}} {
  of.variable @w : tensor<4xf32, #of.dist<#mesh, [B, S(0)]>> "parameter"
  of.program @eval eval {
    // expected-error @+1 {{'of.get' op has type 'tensor<4xf32, #of.dist<#of.mesh<"main", [data = 2, model = 2], [0, 1, 2, 3]>, [B, B]>>', but variable 'w' lies as}}
    %w = of.get @w : tensor<4xf32, #of.dist<#mesh, [B, B]>>
    // expected-error @+1 {{'of.set' op has type}}
    of.set @w, %w : tensor<4xf32, #of.dist<#mesh, [B, B]>>
    // expected-error @+1 {{'of.get' op refers to variable 'v', which the module does not have}}
    %v = of.get @v : tensor<4xf32, #of.dist<#mesh, [B, B]>>
  }
}

// -----

#mesh = #of.mesh<"main", [data = 2, model = 2], [0, 1, 2, 3]>
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]},
                         {name = "n2", devices = [{kind = "cpu"}]}, {name = "n3", devices = [{kind = "cpu"}]}]}} {
  of.program @eval eval {
    // expected-error @+1 {{'of.read' op reads [S(0), S(1)]; a batch is read whole (B) or split by rows (S(0))}}
    %x = of.read @d : tensor<8x4xf32, #of.dist<#mesh, [S(0), S(1)]>>
  }
}

// -----

// Metrics and checks see whole values.

#mesh = #of.mesh<"main", [data = 2, model = 2], [0, 1, 2, 3]>
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]},
                         {name = "n2", devices = [{kind = "cpu"}]}, {name = "n3", devices = [{kind = "cpu"}]}]}} {
  of.program @eval eval {
    %x = of.read @d : tensor<8x4xf32, #of.dist<#mesh, [S(0), B]>>
    %s = of.reduce_sum %x dims [0, 1] : (tensor<8x4xf32, #of.dist<#mesh, [S(0), B]>>) -> tensor<f32, #of.dist<#mesh, [P, B]>>
    // expected-error @+1 {{'of.metric' op does not accept (P) -> () on mesh axis 'data' of size 2; it accepts: [B]->[]}}
    of.metric ["loss"], %s : tensor<f32, #of.dist<#mesh, [P, B]>>
    // expected-error @+1 {{'of.check_finite' op does not accept (P) -> () on mesh axis 'data' of size 2}}
    of.check_finite %s, "loss" : tensor<f32, #of.dist<#mesh, [P, B]>>
  }
}

// -----

// The sum of maxima is not the maximum of sums.

#mesh = #of.mesh<"main", [data = 2, model = 2], [0, 1, 2, 3]>
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]},
                         {name = "n2", devices = [{kind = "cpu"}]}, {name = "n3", devices = [{kind = "cpu"}]}]}} {
  of.program @eval eval {
    %m = of.micro count 2 -> tensor<4xf32, #of.dist<#mesh, [P(max), B]>> {
      %x = of.read @d : tensor<8x4xf32, #of.dist<#mesh, [S(0), B]>>
      %s = of.reduce_max %x dims [0] : (tensor<8x4xf32, #of.dist<#mesh, [S(0), B]>>) -> tensor<4xf32, #of.dist<#mesh, [P(max), B]>>
      // expected-error @+1 {{'of.yield' op gives [P(max), B] to a sum over micro-batches; box it to B first}}
      of.yield %s : tensor<4xf32, #of.dist<#mesh, [P(max), B]>>
    }
  }
}

// -----

#mesh = #of.mesh<"main", [data = 2, model = 2], [0, 1, 2, 3]>
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]},
                         {name = "n2", devices = [{kind = "cpu"}]}, {name = "n3", devices = [{kind = "cpu"}]}]}} {
  of.program @eval eval {
    // expected-error @+1 {{'of.read' op has a value that is [P(max), P]; its partial axes are reduced at once, so they must be of one kind}}
    %x = of.read @d : tensor<8xf32, #of.dist<#mesh, [P(max), P]>>
  }
}

// -----

#far = #of.mesh<"far", [data = 1, model = 1], [7]>
#mesh = #of.mesh<"main", [data = 2, model = 2], [0, 1, 2, 3]>
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]},
                         {name = "n2", devices = [{kind = "cpu"}]}, {name = "n3", devices = [{kind = "cpu"}]}]}} {
  of.program @eval eval {
    // expected-error @+1 {{'of.read' op lies on device 7 of mesh 'far', but the cluster has 4 devices}}
    %x = of.read @d : tensor<8x4xf32, #of.dist<#far, [B, B]>>
  }
}

// -----

#left = #of.mesh<"left", [data = 2], [0, 1]>
#right = #of.mesh<"right", [data = 2], [2, 3]>
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]},
                         {name = "n2", devices = [{kind = "cpu"}]}, {name = "n3", devices = [{kind = "cpu"}]}]}} {
  of.program @eval eval {
    %x = of.read @d : tensor<8x4xf32, #of.dist<#left, [B]>>
    %y = of.read @d : tensor<8x4xf32, #of.dist<#right, [B]>>
    // expected-error @+1 {{'task.after' op holds a value of mesh 'left' back for one of 'right'; box that first}}
    %z = task.after %x, %y : tensor<8x4xf32, #of.dist<#left, [B]>>, tensor<8x4xf32, #of.dist<#right, [B]>>
  }
}
