// RUN: of-opt --of-lower-micro --of-fuse-kernels --of-build-tasks --of-settle-buffers --of-schedule %s | FileCheck %s

#s0 = #of.mesh<"stage0", [d = 1], [0]>
#s1 = #of.mesh<"stage1", [d = 1], [1]>
!a = tensor<64x64xf32, #of.dist<#s0, [B]>>
!b = tensor<64x64xf32, #of.dist<#s1, [B]>>

module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]}]}} {
  of.dataset @d samples 64 fields [{}]
  of.variable @w : !a "parameter"
  of.variable @v : !b "parameter"

  // Two stages, four micro-batches. The backward of a micro-batch comes as early as it can: the first
  // stage is one micro-batch ahead (1F1B). Streams are ordered for one iteration; each task stands in
  // its stream as often as it fires.
  // CHECK: task.program @train "train" micros 4 attributes {orders = {
  // CHECK-SAME: stage0.compute = ["stage0.compute.0.micro", "stage0.compute.0.micro", {{.*}}"stage0.compute.2.micro", "stage0.compute.3.after"]
  // CHECK-SAME: stage0.read = ["d", "d", "d", "d"]
  // CHECK-SAME: stage0.receive = ["value.exchange.1.receive", "value.exchange.1.receive", "value.exchange.1.receive", "value.exchange.1.receive"]
  // CHECK-SAME: stage1.compute = ["stage1.compute.1.micro", "stage1.compute.1.micro", "stage1.compute.1.micro", "stage1.compute.1.micro", "stage1.compute.2.after"]
  // CHECK-SAME: stage1.receive = ["value.exchange.receive"
  // CHECK-SAME: task.period = {{[0-9]+}} : i64

  // What a stream hands to another has slots enough to work ahead.
  // CHECK-DAG: task.register "value" slots {{[2-9]}} : {{.*}}mesh_stage0
  // CHECK-DAG: task.register "value.boxed" slots {{[2-9]}}

  // Predicted seconds: one number, an exchange has its send's, its receive's and the network's part of
  // that.
  // CHECK: task.read {{.*}} {task.last = array<i64: {{[0-9]+}}>, task.seconds = array<f64: {{[^,]*}}>, task.start = array<i64: 0>}
  // CHECK: task.exchange {{.*}} {task.last = array<i64: {{[0-9]+}}, {{[0-9]+}}>, task.seconds = array<f64: {{[^,]*}}, {{[^,]*}}, {{[^,]*}}>, task.start = array<i64: {{[0-9]+}}, {{[0-9]+}}>}
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

  // Whoever sets a variable comes after all who read it, though no register is between them.
  // CHECK-LABEL: task.program @late
  // CHECK-SAME: stage0.compute = ["stage0.compute.0", "stage0.compute.2"]
  of.program @late eval {
    %w = of.get @w : !a
    %e = of.exp %w : (!a) -> !a
    %there = of.boxing %e : !a to !b
    %f = of.tanh %there : (!b) -> !b
    %back = of.boxing %f : !b to !a
    %n = of.neg %back : (!a) -> !a
    of.set @w, %n : !a
  }

  // CHECK-LABEL: task.program @nothing
  // CHECK-SAME: orders = {}
  of.program @nothing init {
  }
}
