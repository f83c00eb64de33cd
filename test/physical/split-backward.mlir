// RUN: sed 's/CHOICE/always/' %s | of-opt --of-lower-micro --of-fuse-kernels --of-build-tasks | FileCheck %s
// RUN: sed 's/CHOICE/never/' %s | of-opt --of-lower-micro --of-fuse-kernels --of-build-tasks | FileCheck %s --check-prefix=WHOLE

#s0 = #of.mesh<"stage0", [d = 1], [0]>
#s1 = #of.mesh<"stage1", [d = 1], [1]>
!a = tensor<64x64xf32, #of.dist<#s0, [B]>>
!b = tensor<64x64xf32, #of.dist<#s1, [B]>>

module attributes {
  of.job = {model = "m.mlir", batch = 4, parallel = {split_backward = "CHOICE"}},
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]}]}} {
  of.dataset @d samples 64 fields [{}]
  of.variable @w : !a "parameter"
  of.variable @v : !b "parameter"

  // The first stage waits for what the second sends back, nobody for the gradient of the second's
  // parameter: it is a segment of its own, which takes what it needs from a register.
  // CHECK: task.segment "stage1.compute.1.micro" firings 4 ins(%[[H:[^ :]*]] : {{.*}}) outs(%[[Y:.*]] : {{.*}}) periods [1] to [1]
  // CHECK: task.segment "stage1.compute.1.late" firings 4 ins(%[[H]], %[[Y]] : {{.*}}) outs({{.*}}) periods [1, 1] to [4]
  // The first has nobody that waits for its backward pass.
  // CHECK: task.segment "stage0.compute.2.micro" firings 4
  // CHECK-NOT: stage0.compute.{{[0-9]}}.late
  // WHOLE: task.segment "stage1.compute.1.micro" firings 4
  // WHOLE-NOT: .late
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
