// RUN: of-opt --of-schedule %s --split-input-file --verify-diagnostics

// A program without a cluster has no costs.
// expected-error @+1 {{the module has no dictionary 'of.cluster'; import a job, or add the attribute}}
module {
}

// -----

// Two segments that wait for each other.
#m = #of.mesh<"main", [d = 1], [0]>
!t = tensor<4xf32, #of.dist<#m, [B]>>
module attributes {of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}]}} {
  // expected-error @+1 {{program @p has no schedule: task 'f' is on or behind a cycle of dependencies inside one iteration}}
  task.program @p "train" micros 1 {
    %x = task.register "x" slots 1 : !t
    %y = task.register "y" slots 1 : !t
    task.segment "f" firings 1 ins(%y : !t) outs(%x : !t) periods [1] to [1] calls [0] to [0] {
    ^bb0(%i: !t):
      %k = task.kernel "k"(%i) in_place [-1] : (!t) -> !t {
      ^bb0(%j: !t):
        %o = of.exp %j : (!t) -> !t
        task.return %o : !t
      }
      task.return %k : !t
    }
    task.segment "g" firings 1 ins(%x : !t) outs(%y : !t) periods [1] to [1] calls [0] to [0] {
    ^bb0(%i: !t):
      %k = task.kernel "k"(%i) in_place [-1] : (!t) -> !t {
      ^bb0(%j: !t):
        %o = of.exp %j : (!t) -> !t
        task.return %o : !t
      }
      task.return %k : !t
    }
  }
}
