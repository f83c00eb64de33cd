// RUN: of-opt --of-lower-micro --of-fuse-kernels --of-build-tasks --of-settle-buffers --of-schedule --of-assign-memory %s | FileCheck %s

#m = #of.mesh<"main", [d = 2], [0, 1]>
!b = tensor<256x256xf32, #of.dist<#m, [B]>>
!rows = tensor<256x256xf32, #of.dist<#m, [S(0)]>>
!columns = tensor<256x256xf32, #of.dist<#m, [S(1)]>>

// "value" is computed once in a step, sent, and let go of by the schedule while main.compute.0.micro
// fires, before main.compute.1.micro does. An edge to the latter would not make its place free for
// "value.2", which the former writes: it stays in use until all micro-batches are done.
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}]}]}} {
  of.dataset @d samples 2048 fields [{dtype = "f32", shape = [256]}]
  of.variable @w : !rows "parameter"

  // CHECK: task.program @p
  // CHECK-SAME: task.reuses = []
  // CHECK: task.register "value" slots 1 {task.offset = [[ONCE:[0-9]+]] : i64}
  // CHECK-NOT: {task.offset = [[ONCE]] : i64}
  of.program @p train {
    %w = of.get @w : !rows
    %e = of.exp %w : (!rows) -> !rows
    %eb = of.boxing %e : !rows to !b
    %g = of.micro count 4 -> !rows {
      %x = of.read @d : !rows
      %h = of.tanh %x : (!rows) -> !rows
      %hc = of.boxing %h : !rows to !columns
      %y = of.matmul %eb, %hc : (!b, !columns) -> !columns
      %r = of.boxing %y : !columns to !rows
      of.yield %r : !rows
    }
    of.set @w, %g : !rows
  }
}
