// Slots of registers stay within what their meshes may take together: fewer micro-batches are under way, a step is longer.
// RUN: sed 's/LIMIT/200000/' %s | of-opt --of-lower-micro --of-fuse-kernels --of-build-tasks --of-settle-buffers --of-schedule | FileCheck %s --check-prefixes=CHECK,WIDE
// RUN: sed 's/LIMIT/65536/' %s | of-opt --of-lower-micro --of-fuse-kernels --of-build-tasks --of-settle-buffers --of-schedule | FileCheck %s --check-prefixes=CHECK,TIGHT
// RUN: sed 's/LIMIT/65535/' %s | not of-opt --of-lower-micro --of-fuse-kernels --of-build-tasks --of-settle-buffers --of-schedule 2>&1 | FileCheck %s --check-prefix=NONE

#s0 = #of.mesh<"stage0", [d = 1], [0]>
#s1 = #of.mesh<"stage1", [d = 1], [1]>
!a = tensor<64x64xf32, #of.dist<#s0, [B]>>
!b = tensor<64x64xf32, #of.dist<#s1, [B]>>

// NONE: error: program @train has no schedule: {{.*}} has 65535 bytes; the registers of one micro-batch at a time take 65536

module attributes {
  task.register_limits = {train = {stage0 = LIMIT : i64}},
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]}]}} {
  of.dataset @d samples 64 fields [{}]
  of.variable @w : !a "parameter"
  of.variable @v : !b "parameter"

  // WIDE-DAG: task.register "value" slots 4 : {{.*}}mesh_stage0
  // WIDE-DAG: task.register "value.1" slots 3 : {{.*}}mesh_stage0
  // WIDE-DAG: task.register "value.boxed.1" slots 2 : {{.*}}mesh_stage0
  // TIGHT-DAG: task.register "value" slots 1 : {{.*}}mesh_stage0
  // TIGHT-DAG: task.register "value.1" slots 1 : {{.*}}mesh_stage0
  // TIGHT-DAG: task.register "value.boxed.1" slots 1 : {{.*}}mesh_stage0
  // The other stage may take what it likes.
  // CHECK-DAG: task.register "value.boxed" slots 2 : {{.*}}mesh_stage1
  of.program @train train {
    %w = of.get @w : !a
    %v = of.get @v : !b
    %g:2 = of.micro count 4 -> !a, !b {
      %x = of.read @d : !a
      %h = of.matmul %x, %w : (!a, !a) -> !a
      %hb = of.boxing %h : !a to !b
      %y = of.matmul %hb, %v : (!b, !b) -> !b
      %dv = of.matmul %hb, %y transpose_lhs : (!b, !b) -> !b
      %ya = of.boxing %y : !b to !a
      %dw = of.matmul %x, %ya transpose_lhs : (!a, !a) -> !a
      of.yield %dw, %dv : !a, !b
    }
    %w1 = of.sub %w, %g#0 : (!a, !a) -> !a
    %v1 = of.sub %v, %g#1 : (!b, !b) -> !b
    of.set @w, %w1 : !a
    of.set @v, %v1 : !b
  }
}
