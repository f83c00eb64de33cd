// RUN: of-opt %s > %t.mlir
// RUN: of-opt %t.mlir | diff %t.mlir -
// RUN: of-opt --mlir-print-op-generic %t.mlir | of-opt | diff %t.mlir -
// RUN: FileCheck %s < %t.mlir

#mesh = #of.mesh<"main", [data = 2], [0, 1]>
!rows = tensor<8x4xf32, #of.dist<#mesh, [S(0)]>>
!sum = tensor<4xf32, #of.dist<#mesh, [P]>>
!whole = tensor<4xf32, #of.dist<#mesh, [B]>>

of.variable @w : !whole "parameter"
of.dataset @data samples 64 fields []

// CHECK: task.program @train "train" micros 4 attributes {orders = {main.compute = ["sum", "sum", "sum", "sum", "update"]}} {
task.program @train "train" micros 4 attributes {orders = {main.compute = ["sum", "sum", "sum", "sum", "update"]}} {
  // CHECK: %[[X:.*]] = task.register "x" slots 2 : tensor<8x4xf32, #of.dist<#mesh_main, [S(0)]>>
  %x = task.register "x" slots 2 : !rows
  %p = task.register "p" slots 1 {task.offset = 64 : i64} : !sum
  %g = task.register "g" slots 1 : !whole
  %n = task.register "n" slots 1 : !whole
  // CHECK: task.read "read" firings 4 @data to(%[[X]] : {{.*}})
  task.read "read" firings 4 @data to(%x : !rows)
  // The accumulator's former value is the second argument.
  // CHECK: task.segment "sum" firings 4 ins(%[[X]] : {{.*}}) outs(%[[P:.*]] : {{.*}}) periods [1] to [4] calls [0] to [0] {
  task.segment "sum" firings 4 ins(%x : !rows) outs(%p : !sum) periods [1] to [4] calls [0] to [0] {
  ^bb0(%in: !rows, %before: !sum):
    // CHECK: task.kernel "sum#0"(%{{.*}}, %{{.*}}) in_place [1] : ({{.*}}) -> {{.*}} {
    %s = task.kernel "sum#0"(%in, %before) in_place [1] : (!rows, !sum) -> !sum {
    ^bb0(%a: !rows, %b: !sum):
      %r = of.reduce_sum %a dims [0] : (!rows) -> !sum
      %t = of.accumulate %b, %r : (!sum, !sum) -> !sum
      task.return %t : !sum
    }
    task.return %s : !sum
  }
  // CHECK: task.exchange "p.exchange" firings 1 from(%[[P]] : {{.*}}) to(%[[G:.*]] : {{.*}})
  task.exchange "p.exchange" firings 1 from(%p : !sum) to(%g : !whole)
  // CHECK: task.segment "update" firings 1 ins(%[[G]] : {{.*}}) outs(%[[N:.*]] : {{.*}}) periods [1] to [1] calls [0] to [1]
  task.segment "update" firings 1 ins(%g : !whole) outs(%n : !whole) periods [1] to [1] calls [0] to [1] {
  ^bb0(%in: !whole):
    // CHECK: of.get @w
    %w = of.get @w : !whole
    %u = task.kernel "sub"(%w, %in) in_place [0] : (!whole, !whole) -> !whole {
    ^bb0(%a: !whole, %b: !whole):
      %r = of.sub %a, %b : (!whole, !whole) -> !whole
      task.return %r : !whole
    }
    %c = task.kernel "copy"(%u) in_place [-1] : (!whole) -> !whole {
    ^bb0(%a: !whole):
      %r = of.copy %a : (!whole) -> !whole
      task.return %r : !whole
    }
    of.set @w, %u : !whole
    task.return %c : !whole
  }
  // CHECK: task.check_finite "check" "w" from(%[[N]] : {{.*}})
  task.check_finite "check" "w" from(%n : !whole)
}

// What only the backward pass needs waits in the memory of the host.
// CHECK: task.program @offload "train" micros 1 {
task.program @offload "train" micros 1 {
  %x = task.register "x" slots 1 : !rows
  // CHECK: %[[H:.*]] = task.register "x.host" slots 1 host : tensor
  %h = task.register "x.host" slots 1 host : !rows
  // CHECK: %[[D:.*]] = task.register "x.back" slots 2 : tensor
  %d = task.register "x.back" slots 2 : !rows
  %g = task.register "g" slots 1 : !rows
  task.read "read" firings 1 @data to(%x : !rows)
  task.read "later" firings 1 @data to(%g : !rows)
  // CHECK: task.copy "out" firings 1 from(%{{.*}} : {{.*}}) to(%[[H]] : {{.*}})
  task.copy "out" firings 1 from(%x : !rows) to(%h : !rows)
  // CHECK: task.copy "in" firings 1 from(%[[H]] : {{.*}}) to(%[[D]] : {{.*}}) after(%{{.*}} : {{.*}})
  task.copy "in" firings 1 from(%h : !rows) to(%d : !rows) after(%g : !rows)
}

// CHECK: task.program @eval "eval" micros 1 {
task.program @eval "eval" micros 1 {
  %x = task.register "x" slots 1 : tensor<f32, #of.dist<#mesh, [B]>>
  %y = task.register "y" slots 1 : tensor<f32, #of.dist<#mesh, [B]>>
  task.read "read" firings 1 @data to(%x, %y : tensor<f32, #of.dist<#mesh, [B]>>, tensor<f32, #of.dist<#mesh, [B]>>)
  // CHECK: task.metric "metric" ["loss", "weight"] from(%{{.*}}, %{{.*}} : {{.*}})
  task.metric "metric" ["loss", "weight"] from(%x, %y : tensor<f32, #of.dist<#mesh, [B]>>, tensor<f32, #of.dist<#mesh, [B]>>)
}

// CHECK: task.program @infer "infer" micros 1 {
task.program @infer "infer" micros 1 {
  %x = task.register "x" slots 1 : tensor<8xf32, #of.dist<#mesh, [B]>>
  task.read "read" firings 1 @data to(%x : tensor<8xf32, #of.dist<#mesh, [B]>>)
  // CHECK: task.output "output_y" "y" from(%{{.*}} : {{.*}})
  task.output "output_y" "y" from(%x : tensor<8xf32, #of.dist<#mesh, [B]>>)
}

// CHECK: task.program @init "init" micros 1 {
task.program @init "init" micros 1 {
  // CHECK: task.load "main.load" [@w]
  task.load "main.load" [@w]
}

// CHECK: task.program @snapshot "snapshot" micros 1 {
task.program @snapshot "snapshot" micros 1 {
  // CHECK: task.write "main.write" [@w]
  task.write "main.write" [@w]
}
