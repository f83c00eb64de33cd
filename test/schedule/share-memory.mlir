// RUN: of-opt --of-lower-micro --of-fuse-kernels --of-build-tasks --of-settle-buffers --of-schedule --of-assign-memory %s | FileCheck %s

#m = #of.mesh<"main", [d = 2], [0, 1]>
!b = tensor<256x256xf32, #of.dist<#m, [B]>>
!columns = tensor<256x256xf32, #of.dist<#m, [S(1)]>>
!rows = tensor<256x256xf32, #of.dist<#m, [S(0)]>>
!sum = tensor<256x256xf32, #of.dist<#m, [P]>>

// Each layer leaves a sum over both devices, sent, and received as a whole, of which each device takes
// its columns. The sum is given back when the other device has read it; nothing on this device waits
// for that until the next step. Reuse edges make the next layer wait for it, by when it is done by the
// schedule. So the sums lie in one place, what is received in another.
// CHECK: task.chunks = {main = [[CHUNK:[0-9]+]] : i64}
// CHECK-SAME: task.max_live = {main = [[CHUNK]] : i64}
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}]}]}} {
  of.variable @w : !b "parameter"

  // CHECK: task.program @p
  // CHECK-SAME: task.reuses = {{\[\[}}"value.exchange.send", "main.compute.1", 0], ["value.exchange.1.send", "main.compute.2", 0]
  // CHECK: task.register "value" slots 1 {task.offset = [[SUMS:[0-9]+]] : i64}
  // CHECK: task.register "value.2" slots 1 {task.offset = [[SUMS]] : i64}{{.*}}[P]
  // CHECK: task.register "value.boxed.2" slots 1 {task.offset = [[RECEIVED:[0-9]+]] : i64}
  // CHECK: task.register "value.3" slots 1 {task.offset = [[SUMS]] : i64}
  // CHECK: task.register "value.boxed.4" slots 1 {task.offset = [[RECEIVED]] : i64}
  of.program @p train {
    %w = of.get @w : !b
    %wc = of.boxing %w : !b to !columns
    %wr = of.boxing %w : !b to !rows
    %s1 = of.matmul %wc, %wr : (!columns, !rows) -> !sum
    %r1 = of.boxing %s1 : !sum to !b
    %c1 = of.boxing %r1 : !b to !columns
    %s2 = of.matmul %c1, %wr : (!columns, !rows) -> !sum
    %r2 = of.boxing %s2 : !sum to !b
    %c2 = of.boxing %r2 : !b to !columns
    %s3 = of.matmul %c2, %wr : (!columns, !rows) -> !sum
    %r3 = of.boxing %s3 : !sum to !b
    of.set @w, %r3 : !b
  }
}
