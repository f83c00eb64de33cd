// RUN: of-opt --of-lower-micro --of-fuse-kernels --of-offload --split-input-file %s | FileCheck %s
// RUN: of-opt --of-lower-micro --of-fuse-kernels --of-offload --of-build-tasks --split-input-file %s | FileCheck %s --check-prefix TASKS

// What the first block leaves for the backward pass goes to the host. It comes back while the backward pass works on the
// second, so not before what that begins with, which is here the end of the forward pass; what the second leaves is
// needed at once. Each block is a segment of its own.
// CHECK-LABEL: of.program @blocks train
// CHECK-NOT: {of.
// CHECK: %[[A:.*]] = task.kernel "a#1"
// CHECK: %[[H:.*]] = task.to_host %[[A]] :
// CHECK: %[[AK:.*]] = task.after %[[A]], %[[A]] apart :
// CHECK: %[[B:.*]] = task.kernel "b#2"(%[[AK]],
// CHECK: %[[C:.*]] = task.kernel "c#3"(%[[B]],
// CHECK: %[[DC:.*]] = task.kernel "dc#4"(%[[C]],
// CHECK: %[[DB:.*]] = task.kernel "db#5"(%[[DC]], %[[B]])
// CHECK: %[[BACK:.*]] = task.to_device %[[H]], %[[C]] :
// CHECK: %[[APART:.*]] = task.after %[[BACK]], %[[DC]] apart :
// CHECK: task.kernel "da#6"(%[[DB]], %[[APART]])
// TASKS-LABEL: task.program @blocks "train"
// TASKS: %[[A:.*]] = task.register "a" slots 1 : tensor
// TASKS: %[[H:.*]] = task.register "a.host" slots 1 host : tensor
// TASKS: %[[C:.*]] = task.register "c" slots 1 : tensor
// TASKS: %[[DB:.*]] = task.register "db" slots 1 : tensor
// TASKS: %[[BACK:.*]] = task.register "a.back" slots 1 : tensor
// TASKS: task.segment "main.compute.0" firings 1 ins() outs(%[[A]] :
// TASKS: task.copy "a.host.copy" firings 1 from(%[[A]] : {{.*}}) to(%[[H]] : {{[^)]*\)$}}
// TASKS: task.segment "main.compute.1" firings 1 ins(%[[A]] : {{.*}}) outs(%[[DB]], %[[C]] : {{.*}})
// TASKS: task.copy "a.back.copy" firings 1 from(%[[H]] : {{.*}}) to(%[[BACK]] : {{.*}}) after(%[[C]] : {{.*}})
// TASKS: task.segment "main.compute.2" firings 1 ins(%[[DB]], %[[BACK]] :
#mesh = #of.mesh<"main", [data = 1], [0]>
!t = tensor<64x64xf32, #of.dist<#mesh, [B]>>
of.variable @w : !t "parameter"
of.program @blocks train {
  %w = of.get @w : !t
  %z = of.matmul %w, %w {of.block = 0 : i64, of.host} : (!t, !t) -> !t loc("z")
  %a = of.tanh %z {of.block = 0 : i64, of.host} : (!t) -> !t loc("a")
  %b = of.matmul %a, %w {of.block = 1 : i64, of.host} : (!t, !t) -> !t loc("b")
  %c = of.matmul %b, %w {of.block = 2 : i64} : (!t, !t) -> !t loc("c")
  %dc = of.matmul %c, %w : (!t, !t) -> !t loc("dc")
  %db = of.matmul %dc, %b : (!t, !t) -> !t loc("db")
  %da = of.matmul %db, %a : (!t, !t) -> !t loc("da")
  of.set @w, %da : !t
}

// -----

// Less than a message is worth, and blocks that are not marked, stay.
// CHECK-LABEL: of.program @stays train
// CHECK-NOT: task.to_host
// TASKS-LABEL: task.program @stays "train"
// TASKS-NOT: host
#mesh = #of.mesh<"main", [data = 1], [0]>
!t = tensor<64x64xf32, #of.dist<#mesh, [B]>>
!s = tensor<8x8xf32, #of.dist<#mesh, [B]>>
of.variable @w : !t "parameter"
of.variable @v : !s "parameter"
of.program @stays train {
  %w = of.get @w : !t
  %v = of.get @v : !s
  %a = of.matmul %w, %w {of.block = 0 : i64} : (!t, !t) -> !t
  %s = of.matmul %v, %v {of.block = 0 : i64} : (!s, !s) -> !s
  %b = of.matmul %a, %w {of.block = 1 : i64} : (!t, !t) -> !t
  %t = of.matmul %s, %v {of.block = 1 : i64, of.host} : (!s, !s) -> !s
  %c = of.matmul %b, %w {of.block = 2 : i64} : (!t, !t) -> !t
  %u = of.matmul %t, %v {of.block = 2 : i64} : (!s, !s) -> !s
  %dc = of.matmul %c, %b : (!t, !t) -> !t
  %du = of.matmul %u, %t : (!s, !s) -> !s
  %db = of.matmul %dc, %a : (!t, !t) -> !t
  %dt = of.matmul %du, %s : (!s, !s) -> !s
  of.set @w, %db : !t
  of.set @v, %dt : !s
}
