// RUN: of-opt %s --split-input-file --verify-diagnostics

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
// expected-error @+1 {{'task.program' op is of kind 'predict'; there are init, train, eval, snapshot}}
task.program @p "predict" micros 1 {
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
// expected-error @+1 {{'task.program' op has 0 micro-batches; a step has at least one}}
task.program @p "train" micros 0 {
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
// expected-error @+1 {{'task.program' op has "f" as order of stream 'main.compute'; an order is a list of tasks}}
task.program @p "train" micros 1 attributes {orders = {main.compute = "f"}} {
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
task.program @p "train" micros 4 {
  // expected-error @+1 {{'of.constant' op has no place in a program of tasks}}
  %c = of.constant 1.0 : f32 : !t
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !t
  task.read "read" firings 1 @data to(%x : !t)
  // expected-error @+1 {{'task.read' op has the name of an earlier one, "read"; names are unique in a program}}
  task.read "read" firings 1 @data to(%y : !t)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  // expected-error @+1 {{'task.read' op fires 2 times; a task fires once in a step or in each of its 4 micro-batches}}
  task.read "read" firings 2 @data to(%x : !t)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  task.read "one" firings 1 @data to(%x : !t)
  // expected-error @+1 {{'task.read' op writes register "x", which an earlier task writes; a register has one producer}}
  task.read "two" firings 1 @data to(%x : !t)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
task.program @p "train" micros 4 {
  // expected-error @+1 {{'task.register' op is written by no task}}
  %x = task.register "x" slots 1 : !t
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  // expected-error @+1 {{'task.read' op reads dataset @data, which the module does not have}}
  task.read "read" firings 1 @data to(%x : !t)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
task.program @p "train" micros 4 {
  // expected-error @+1 {{'task.write' op refers to variable @w, which the module does not have}}
  task.write "write" [@w]
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
task.program @p "train" micros 4 {
  // expected-error @+1 {{'task.write' op writes no variable}}
  task.write "write" []
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
task.program @p "train" micros 4 {
  // expected-error @+1 {{'task.load' op loads no variable}}
  task.load "load" []
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
task.program @p "train" micros 4 {
  // expected-error @+1 {{'task.register' op needs a distribution: 'tensor<4xf32>' lies on no mesh}}
  %x = task.register "x" slots 1 : tensor<4xf32>
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
task.program @p "train" micros 4 {
  // expected-error @+1 {{'task.register' op has 0 slots; without one nothing can be written}}
  %x = task.register "x" slots 0 : !t
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  // expected-error @+1 {{'task.read' op needs a register for each field}}
  "task.read"() {name = "read", firings = 1 : i64, dataset = @data} : () -> ()
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !t
  task.read "read" firings 1 @data to(%x : !t)
  // expected-error @+1 {{'task.segment' op needs one period and one call for each of its 1 input and 1 output ports}}
  task.segment "s" firings 1 ins(%x : !t) outs(%y : !t) periods [1, 1] to [1] calls [0] to [0] {
  ^bb0(%in: !t):
    %k = task.kernel "k"(%in) in_place [-1] : (!t) -> !t {
    ^bb0(%a: !t):
      %r = of.exp %a : (!t) -> !t
      task.return %r : !t
    }
    task.return %k : !t
  }
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !t
  task.read "read" firings 1 @data to(%x : !t)
  // expected-error @+1 {{'task.segment' op has a port of period 3, which does not divide its 4 firings}}
  task.segment "s" firings 4 ins(%x : !t) outs(%y : !t) periods [3] to [1] calls [0] to [0] {
  ^bb0(%in: !t):
    %k = task.kernel "k"(%in) in_place [-1] : (!t) -> !t {
    ^bb0(%a: !t):
      %r = of.exp %a : (!t) -> !t
      task.return %r : !t
    }
    task.return %k : !t
  }
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !t
  task.read "read" firings 1 @data to(%x : !t)
  // expected-error @+1 {{'task.segment' op has a port at call 1 of 1}}
  task.segment "s" firings 1 ins(%x : !t) outs(%y : !t) periods [1] to [1] calls [0] to [1] {
  ^bb0(%in: !t):
    %k = task.kernel "k"(%in) in_place [-1] : (!t) -> !t {
    ^bb0(%a: !t):
      %r = of.exp %a : (!t) -> !t
      task.return %r : !t
    }
    task.return %k : !t
  }
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !t
  task.read "read" firings 1 @data to(%x : !t)
  // expected-error @+1 {{'task.segment' op needs as arguments of its body the input ports, then the accumulators: output ports whose period is above 1}}
  task.segment "s" firings 4 ins(%x : !t) outs(%y : !t) periods [4] to [4] calls [0] to [0] {
  ^bb0(%in: !t):
    %k = task.kernel "k"(%in) in_place [-1] : (!t) -> !t {
    ^bb0(%a: !t):
      %r = of.exp %a : (!t) -> !t
      task.return %r : !t
    }
    task.return %k : !t
  }
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !t
  task.read "read" firings 1 @data to(%x : !t)
  // expected-error @+1 {{'task.segment' op must return one value of the register's type for each output port}}
  task.segment "s" firings 1 ins(%x : !t) outs(%y : !t) periods [1] to [1] calls [0] to [0] {
  ^bb0(%in: !t):
    %k = task.kernel "k"(%in) in_place [-1] : (!t) -> !t {
    ^bb0(%a: !t):
      %r = of.exp %a : (!t) -> !t
      task.return %r : !t
    }
    task.return
  }
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !t
  task.read "read" firings 1 @data to(%x : !t)
  // expected-error @+1 {{'task.segment' op is empty}}
  task.segment "s" firings 1 ins() outs() periods [] to [] calls [] to [] {
    task.return
  }
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
task.program @p "train" micros 4 {
  %x = of.constant 1.0 : f32 : !t
  // expected-error @+1 {{'task.segment' op has a port that is no task.register}}
  task.segment "s" firings 1 ins(%x : !t) outs() periods [1] to [] calls [0] to [] {
  ^bb0(%in: !t):
    %k = task.kernel "k"(%in) in_place [-1] : (!t) -> !t {
    ^bb0(%a: !t):
      %r = of.exp %a : (!t) -> !t
      task.return %r : !t
    }
    task.return
  }
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !t
  task.read "read" firings 1 @data to(%x : !t)
  task.segment "s" firings 1 ins(%x : !t) outs(%y : !t) periods [1] to [1] calls [-1] to [-1] {
  ^bb0(%in: !t):
    // expected-error @+1 {{'of.exp' op has no place in a segment, which holds kernels, views, gets and sets}}
    %k = of.exp %in : (!t) -> !t
    task.return %k : !t
  }
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.variable @w : !o "parameter"
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !t
  task.read "read" firings 1 @data to(%x : !t)
  task.segment "s" firings 1 ins(%x : !t) outs(%y : !t) periods [1] to [1] calls [0] to [0] {
  ^bb0(%in: !t):
    %k = task.kernel "k"(%in) in_place [-1] : (!t) -> !t {
    ^bb0(%a: !t):
      %r = of.exp %a : (!t) -> !t
      task.return %r : !t
    }
    // expected-error @+1 {{'of.get' op works on #of.mesh<"other", [d = 1], [1]> in a segment of #of.mesh<"main", [d = 1], [0]>}}
    %w = of.get @w : !o
    task.return %k : !t
  }
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.variable @w : !o "parameter"
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !t
  task.read "read" firings 1 @data to(%x : !t)
  task.segment "s" firings 1 ins(%x : !t) outs(%y : !t) periods [1] to [1] calls [0] to [0] {
  ^bb0(%in: !t):
    %k = task.kernel "k"(%in) in_place [-1] : (!t) -> !t {
    ^bb0(%a: !t):
      %r = of.exp %a : (!t) -> !t
      task.return %r : !t
    }
    // expected-error @+1 {{'of.set' op has type 'tensor<4xf32, #of.dist<#of.mesh<"main", [d = 1], [0]>, [B]>>', but variable @w lies as 'tensor<4xf32, #of.dist<#of.mesh<"other", [d = 1], [1]>, [B]>>'}}
    of.set @w, %k : !t
    task.return %k : !t
  }
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
%x = of.constant 1.0 : f32 : !t
%y = of.constant 1.0 : f64 : tensor<4xf64, #of.dist<#mesh, [B]>>
// expected-error @+1 {{'task.kernel' op needs a result, and one in_place entry for each}}
%k = task.kernel "k"(%x) in_place [] : (!t) -> !t {
^bb0(%a: !t):
  %r = of.exp %a : (!t) -> !t
  task.return %r : !t
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
%x = of.constant 1.0 : f32 : !t
%y = of.constant 1.0 : f64 : tensor<4xf64, #of.dist<#mesh, [B]>>
// expected-error @+1 {{'task.kernel' op result 0 cannot share the buffer of argument 1}}
%k = task.kernel "k"(%x) in_place [1] : (!t) -> !t {
^bb0(%a: !t):
  %r = of.exp %a : (!t) -> !t
  task.return %r : !t
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
%x = of.constant 1.0 : f32 : !t
%y = of.constant 1.0 : f64 : tensor<4xf64, #of.dist<#mesh, [B]>>
// expected-error @+1 {{'task.kernel' op result 0 cannot share the buffer of argument 0}}
%k = task.kernel "k"(%y) in_place [0] : (tensor<4xf64, #of.dist<#mesh, [B]>>) -> !t {
^bb0(%a: tensor<4xf64, #of.dist<#mesh, [B]>>):
  %r = of.cast %a to f32 : (tensor<4xf64, #of.dist<#mesh, [B]>>) -> !t
  task.return %r : !t
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
%x = of.constant 1.0 : f32 : !t
%y = of.constant 1.0 : f64 : tensor<4xf64, #of.dist<#mesh, [B]>>
// expected-error @+1 {{'task.kernel' op lays two results into the buffer of argument 0}}
%k:2 = task.kernel "k"(%x) in_place [0, 0] : (!t) -> (!t, !t) {
^bb0(%a: !t):
  %r = of.exp %a : (!t) -> !t
  %s = of.tanh %a : (!t) -> !t
  task.return %r, %s : !t, !t
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
%x = of.constant 1.0 : f32 : !t
%y = of.constant 1.0 : f64 : tensor<4xf64, #of.dist<#mesh, [B]>>
// expected-error @+1 {{'task.kernel' op has a body whose arguments differ from its inputs}}
%k = task.kernel "k"(%x) in_place [-1] : (!t) -> !t {
  %r = of.constant 1.0 : f32 : !t
  task.return %r : !t
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
%x = of.constant 1.0 : f32 : !t
%y = of.constant 1.0 : f64 : tensor<4xf64, #of.dist<#mesh, [B]>>
// expected-error @+1 {{'task.kernel' op must return a value for each result}}
%k = task.kernel "k"(%x) in_place [-1] : (!t) -> !t {
^bb0(%a: !t):
  %r = of.exp %a : (!t) -> !t
  task.return
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
%x = of.constant 1.0 : f32 : !t
%y = of.constant 1.0 : f64 : tensor<4xf64, #of.dist<#mesh, [B]>>
// expected-error @+1 {{'task.kernel' op computes nothing}}
%k = task.kernel "k"(%x) in_place [-1] : (!t) -> !t {
^bb0(%a: !t):
  task.return %a : !t
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
%x = of.constant 1.0 : f32 : !t
%y = of.constant 1.0 : f64 : tensor<4xf64, #of.dist<#mesh, [B]>>
// expected-error @+1 {{'task.kernel' op needs a distribution on 'tensor<4xf32>'}}
%k = task.kernel "k"(%x) in_place [-1] : (!t) -> tensor<4xf32> {
^bb0(%a: !t):
  %r = of.constant 1.0 : f32 : tensor<4xf32>
  task.return %r : tensor<4xf32>
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !o
  %z = task.register "z" slots 1 : tensor<8xf32, #of.dist<#mesh, [B]>>
  // expected-error @+1 {{'task.exchange' op needs as many destination as source registers, and at least one}}
  task.exchange "e" firings 1 from(%x, %z : !t, tensor<8xf32, #of.dist<#mesh, [B]>>) to(%y : !o)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !o
  %z = task.register "z" slots 1 : tensor<8xf32, #of.dist<#mesh, [B]>>
  // expected-error @+1 {{'task.exchange' op moves 'tensor<8xf32>' into 'tensor<4xf32>'}}
  task.exchange "e" firings 1 from(%z : tensor<8xf32, #of.dist<#mesh, [B]>>) to(%y : !o)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !o
  %u = task.register "u" slots 1 : !t
  %v = task.register "v" slots 1 : !t
  // expected-error @+1 {{'task.exchange' op has registers of two meshes, #of.mesh<"main", [d = 1], [0]> and #of.mesh<"other", [d = 1], [1]>}}
  task.exchange "e" firings 1 from(%x, %y : !t, !o) to(%u, %v : !t, !t)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !o
  %z = task.register "z" slots 1 : tensor<8xf32, #of.dist<#mesh, [B]>>
  // expected-error @+1 {{'task.read' op has registers of two meshes, #of.mesh<"main", [d = 1], [0]> and #of.mesh<"other", [d = 1], [1]>}}
  task.read "r" firings 1 @data to(%x, %y : !t, !o)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !o
  %z = task.register "z" slots 1 : tensor<8xf32, #of.dist<#mesh, [B]>>
  // expected-error @+1 {{'task.metric' op needs a register for each of its 2 names, and at least one}}
  task.metric "m" ["a", "b"] from(%x : !t)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !o
  %z = task.register "z" slots 1 : tensor<8xf32, #of.dist<#mesh, [B]>>
  // expected-error @+1 {{'task.metric' op reports 'tensor<4xf32>' and 'tensor<8xf32>'; its values have one type}}
  task.metric "m" ["a", "b"] from(%x, %z : !t, tensor<8xf32, #of.dist<#mesh, [B]>>)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
task.program @p "train" micros 4 {
  %x = task.register "x" slots 1 : tensor<4xi64, #of.dist<#mesh, [B]>>
  // expected-error @+1 {{'task.check_finite' op checks 'tensor<4xi64, #of.dist<#of.mesh<"main", [d = 1], [0]>, [B]>>'; only floating-point values can be infinite}}
  task.check_finite "c" "x" from(%x : tensor<4xi64, #of.dist<#mesh, [B]>>)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 1 {
  %h = task.register "h" slots 1 host : !t
  // expected-error @+1 {{'task.read' op uses register "h", which lies on the host; only task.copy reaches it there}}
  task.read "read" firings 1 @data to(%h : !t)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 1 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !t
  task.read "read" firings 1 @data to(%x : !t)
  // expected-error @+1 {{copies from a device to its host, or back; one side of it must be host registers and the other none}}
  task.copy "copy" firings 1 from(%x : !t) to(%y : !t)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 1 {
  %x = task.register "x" slots 1 : !t
  %h = task.register "h" slots 1 host : !t
  task.read "read" firings 1 @data to(%x : !t)
  // expected-error @+1 {{needs as many outputs as inputs, at least one, of the same types}}
  task.copy "copy" firings 1 from(%x, %x : !t, !t) to(%h : !t)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.dataset @data samples 64 fields []
task.program @p "train" micros 1 {
  %x = task.register "x" slots 1 : !t
  %h = task.register "h" slots 1 host : !t
  %g = task.register "g" slots 1 : !o
  task.read "read" firings 1 @data to(%x : !t)
  task.read "other" firings 1 @data to(%g : !o)
  // expected-error @+1 {{has registers of two meshes}}
  task.copy "copy" firings 1 from(%x : !t) to(%h : !t) after(%g : !o)
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.variable @w : !t "parameter"
of.program @p train {
  %w = of.get @w : !t
  // expected-error @+1 {{'task.to_host' op has a result that 'of.tanh' uses; bring it back by task.to_device first}}
  %h = task.to_host %w : !t
  %y = of.tanh %h : (!t) -> !t
  of.set @w, %y : !t
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.variable @w : !t "parameter"
of.program @p train {
  %w = of.get @w : !t
  // expected-error @+1 {{'task.to_device' op brings back what no task.to_host put on the host}}
  %y = task.to_device %w, %w : !t, !t
  of.set @w, %y : !t
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
#other = #of.mesh<"other", [d = 1], [1]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>
!o = tensor<4xf32, #of.dist<#other, [B]>>
of.variable @w : !t "parameter"
of.variable @v : !o "parameter"
of.program @p train {
  %w = of.get @w : !t
  %v = of.get @v : !o
  %h = task.to_host %w : !t
  // expected-error @+1 {{waits for a value that does not lie on the mesh of what it brings back}}
  %y = task.to_device %h, %v : !t, !o
  of.set @w, %y : !t
}
