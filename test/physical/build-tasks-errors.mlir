// RUN: of-opt --of-build-tasks %s --split-input-file --verify-diagnostics

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
of.variable @w : !t "parameter"
of.program @p train {
  %x = of.read @d : !t
  %y = of.read @d : !t
  // expected-note @+1 {{it is set here}}
  of.set @w, %x : !t
  // expected-error @+1 {{'of.set' op sets @w a second time in this step}}
  of.set @w, %y : !t
}

// -----

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
of.variable @w : !t "parameter"
of.program @p train {
  %s = of.micro count 2 -> !t {
    %x = of.read @d : !t
    // expected-error @+1 {{'of.set' op belongs to the step; yield the value and use the result of of.micro}}
    of.set @w, %x : !t
    of.yield %x : !t
  }
}

// -----

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
of.program @p train {
  %s = of.micro count 2 -> !t {
    %x = of.read @d : !t
    // expected-error @+1 {{'of.metric' op belongs to the step; yield the value and use the result of of.micro}}
    of.metric ["x"], %x : !t
    of.yield %x : !t
  }
}

// -----

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
of.program @p train {
  %s = of.micro count 2 -> !t {
    %x = of.read @d : !t
    // expected-error @+1 {{'of.check_finite' op belongs to the step; yield the value and use the result of of.micro}}
    of.check_finite %x, "x" : !t
    of.yield %x : !t
  }
}

// -----

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
of.program @p train {
  %y = of.read @d : !t
  %s = of.micro count 2 -> !t {
    %x = of.read @d : !t
    // expected-error @+1 {{'of.boxing' op moves a value of the step in every micro-batch; move it once, before of.micro}}
    %z = of.boxing %y : !t to !b
    of.yield %x : !t
  }
}

// -----

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
of.program @p train {
  %s = of.micro count 2 -> !t {
    %x = of.read @d : !t
    of.yield %x : !t
  }
  // expected-error @+1 {{'of.micro' op is the second of its program; a program has one}}
  %r = of.micro count 2 -> !t {
    %x = of.read @d : !t
    of.yield %x : !t
  }
}

// -----

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
of.program @p infer {
  %x = of.read @d : tensor<4xf32, #of.dist<#a, [S(0)]>>
  // expected-error @+1 {{'of.output' op hands out a value that is not whole on every device: 'tensor<4xf32, #of.dist<}}
  of.output "y", %x : tensor<4xf32, #of.dist<#a, [S(0)]>>
}

// -----

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
of.program @p train {
  // expected-error @+1 {{'of.metric' op reports no value}}
  "of.metric"() {names = []} : () -> ()
}

// -----

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
of.program @p train {
  %x = of.read @d : !t
  %y = of.read @d : !b
  // expected-error @+1 {{'of.metric' op reports values of two meshes; box them to one}}
  of.metric ["a", "b"], %x, %y : !t, !b
}

// -----

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
of.program @p train {
  %x = of.read @d : !t
  %y = of.read @d : tensor<i64, #of.dist<#a, [B]>>
  // expected-error @+1 {{'of.metric' op reports values of two element types: 'tensor<f32>' and 'tensor<i64>'; cast them to one}}
  of.metric ["a", "b"], %x, %y : !t, tensor<i64, #of.dist<#a, [B]>>
}

// -----

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
of.program @p train {
  // expected-error @+1 {{'of.read' op can be split by rows or broadcast, not S(1)}}
  %x = of.read @d : tensor<4x4xf32, #of.dist<#a, [S(1)]>>
}

// -----

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
of.program @p train {
  // expected-error @+1 {{'of.read' op reads fields in different distributions; a read task has one: 'tensor<4xf32, #of.dist<#of.mesh<"a", [d = 2], [0, 1]>, [S(0)]>>' and 'tensor<f32, #of.dist<#of.mesh<"a", [d = 2], [0, 1]>, [B]>>'}}
  %x:2 = of.read @d : !t, tensor<4xf32, #of.dist<#a, [S(0)]>>
}

// -----

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
of.program @p train {
  // expected-error @+1 {{'of.read' op reads no field}}
  "of.read"() {dataset = @d} : () -> ()
}

// -----

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
#c = #of.mesh<"a", [d = 2], [2, 3]>
of.variable @w : tensor<f32, #of.dist<#c, [B]>> "parameter"
of.program @p train {
  // expected-error @+1 {{'of.read' op lies on #of.mesh<"a", [d = 2], [0, 1]>, but #of.mesh<"a", [d = 2], [2, 3]> has that name too; rename one of the meshes}}
  %x = of.read @d : !t
}

// -----

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
!t = tensor<f32, #of.dist<#a, [B]>>
!b = tensor<f32, #of.dist<#b, [B]>>
of.program @p train {
  %x = of.read @d : !t
  // expected-error @+1 {{'of.parameter' op has no physical form; programs hold kernels, boxings, reads, sets, metrics, outputs and checks here}}
  %p = of.parameter "w" init(#of.init<constant, 0.0>) : tensor<f32>
}
