// RUN: of-opt --of-lower-micro --of-fuse-kernels --of-build-tasks %s | FileCheck %s

#a = #of.mesh<"a", [d = 1], [0]>
#b = #of.mesh<"b", [d = 1], [1]>
#ab = #of.mesh<"ab", [d = 2], [0, 1]>
!a = tensor<4xf32, #of.dist<#a, [B]>>
!b = tensor<4xf32, #of.dist<#b, [B]>>
!split = tensor<4xf32, #of.dist<#ab, [S(0)]>>
!whole = tensor<4xf32, #of.dist<#ab, [B]>>
!sum = tensor<4xf32, #of.dist<#ab, [P]>>

of.dataset @d samples 64 fields [{}]
of.variable @x : !a "parameter"
of.variable @y : !b "parameter"
of.variable @z : !b "parameter"
of.variable @s : !split "parameter"
of.variable @n : !whole "state"

// Two meshes that need each other's values: had each one segment, both would wait for the other.
// CHECK-LABEL: task.program @mutual "train" micros 1
// CHECK-DAG: %[[U:.*]] = task.register "value" slots 1 : tensor<4xf32, #of.dist<#mesh_a, [B]>>
// CHECK-DAG: %[[UB:.*]] = task.register "value.boxed" slots 1 : tensor<4xf32, #of.dist<#mesh_b, [B]>>
// CHECK: task.segment "a.compute.0" firings 1 ins() outs(%[[U]] : {{.*}}) periods [] to [1] calls [] to [0]
// CHECK: task.segment "b.compute.0" firings 1 ins() outs(
// CHECK: task.exchange "value.exchange" firings 1 from(%[[U]] : {{.*}}) to(%[[UB]] : {{.*}})
// CHECK: task.exchange "value.exchange.1"
// CHECK: task.segment "a.compute.1"
// CHECK: task.segment "b.compute.1" firings 1 ins(%[[UB]] : {{.*}}) outs() periods [1] to [] calls [0] to []
of.program @mutual train {
  %x = of.get @x : !a
  %y = of.get @y : !b
  %u = of.exp %x : (!a) -> !a
  %v = of.exp %y : (!b) -> !b
  %ub = of.boxing %u : !a to !b
  %va = of.boxing %v : !b to !a
  %x1 = of.add %x, %va : (!a, !a) -> !a
  %y1 = of.add %y, %ub : (!b, !b) -> !b
  of.set @x, %x1 : !a
  of.set @y, %y1 : !b
}

// A step's kernels before the micro-batches and after them are two segments, though both are one
// exchange or one change of rate away from the start. What a micro-batch gets of the step is held.
// CHECK-LABEL: task.program @rates "train" micros 4
// CHECK: task.segment "ab.compute.0" firings 1
// CHECK: task.exchange {{.*}} firings 1
// CHECK: task.segment "ab.compute.1" firings 1
// CHECK: task.read "d" firings 4 @d to(%[[X:.*]] :
// CHECK: task.segment "ab.compute.0.micro" firings 4 ins(%[[X]] : {{.*}}) outs({{.*}}) periods [1] to [4] calls [0] to [0]
// CHECK: task.segment "ab.compute.2.micro" firings 4 ins(%[[X]], %{{.*}} : {{.*}}) outs({{.*}}) periods [1, 4] to [4] calls [0, 0] to [0]
// CHECK: task.segment "ab.compute.1.after" firings 1
// CHECK: of.set @n
// CHECK: task.check_finite "check_y" "y"
of.program @rates train {
  %w = of.get @s : !split
  %n = of.get @n : !whole
  %ws = of.exp %w : (!split) -> !split
  %wb = of.boxing %ws : !split to !whole
  %wt = of.tanh %wb : (!whole) -> !whole
  %sum:2 = of.micro count 4 -> !whole, !whole {
    %x = of.read @d : !whole
    %m = of.exp %x : (!whole) -> !whole
    %y = of.mul %x, %wt : (!whole, !whole) -> !whole
    of.yield %m, %y : !whole, !whole
  }
  %n1 = of.add %n, %sum#0 : (!whole, !whole) -> !whole
  of.set @n, %n1 : !whole
  of.check_finite %sum#1, "y" : !whole
}

// Exchanges that become ready together are one, whatever they move. A variable is copied before it is
// sent. Values of one name have registers of different names.
// CHECK-LABEL: task.program @group "train" micros 1
// CHECK: %[[M:.*]] = task.register "m" slots 1 : tensor<8xf32, {{.*}}[S(0)]>>
// CHECK: %[[G:.*]] = task.register "g" slots 1 : {{.*}}[P]>>
// CHECK: %[[H:.*]] = task.register "g.1" slots 1 : {{.*}}[P]>>
// CHECK: %[[GB:.*]] = task.register "g.boxed" slots 1 : {{.*}}[B]>>
// CHECK: %[[S:.*]] = task.register "s" slots 1
// CHECK: task.register "g.boxed.1" slots 1 : tensor<8xf32
// CHECK: task.segment "ab.compute.0" firings 1 ins({{.*}}) outs(%[[G]], %[[H]], %[[S]], %[[M]] :
// CHECK: task.kernel "s.copy#0"
// CHECK: task.segment "ab.compute.1" firings 1 ins(%[[GB]],
// CHECK: task.exchange "g.exchange" firings 1 from(%[[G]], %[[H]], %[[S]], %[[M]] : {{.*}}) to(%[[GB]],
// CHECK-NOT: task.exchange
// CHECK: task.check_finite
of.program @group train {
  %s = of.get @s : !split loc("s")
  %x = of.read @d : tensor<8x4xf32, #of.dist<#ab, [S(0)]>>
  %g = of.reduce_sum %x dims [0] : (tensor<8x4xf32, #of.dist<#ab, [S(0)]>>) -> !sum loc("g")
  %m = of.reduce_max %x dims [1] : (tensor<8x4xf32, #of.dist<#ab, [S(0)]>>) -> tensor<8xf32, #of.dist<#ab, [S(0)]>> loc("m")
  %h = of.neg %g : (!sum) -> !sum loc("g")
  %gb = of.boxing %g : !sum to !whole loc("g")
  %hb = of.boxing %h : !sum to !whole loc("h")
  %sb = of.boxing %s : !split to !whole loc("s")
  %t = of.add %gb, %sb : (!whole, !whole) -> !whole
  %q = of.mul %t, %hb : (!whole, !whole) -> !whole
  %mb = of.boxing %m : tensor<8xf32, #of.dist<#ab, [S(0)]>> to tensor<8xf32, #of.dist<#ab, [B]>> loc("g")
  of.check_finite %mb, "m" : tensor<8xf32, #of.dist<#ab, [B]>>
  of.set @n, %q : !whole
}

// What is set while a later segment reads the old value is set there. An exchange of what another
// gives is one of its own.
// CHECK-LABEL: task.program @sets "train" micros 1
// CHECK: task.segment "ab.compute.0" firings 1 ins({{.*}}) outs(%[[U:.*]] :
// CHECK-NOT: of.set @s
// CHECK: of.set @n, %{{.*}} :
// CHECK-NOT: of.set @s
// CHECK: task.exchange {{.*}} from(%[[U]] : {{.*}}) to(%[[B:.*]] :
// CHECK: task.exchange {{.*}} from(%[[B]] : {{.*}}) to(%[[LATE:.*]] :
// CHECK: task.segment "ab.compute.1" firings 1 ins(%[[LATE]], %[[U]] :
// CHECK: ^bb0(%{{.*}}, %[[NEW:.*]]: {{.*}}):
// CHECK: of.get @s
// CHECK: of.set @s, %[[NEW]]
of.program @sets train {
  %s = of.get @s : !split
  %u = of.exp %s : (!split) -> !split
  %b = of.boxing %u : !split to !whole
  %v = of.read @d : !whole
  %n = of.tanh %v : (!whole) -> !whole
  %late = of.boxing %b : !whole to !split
  %k = of.add %late, %s : (!split, !split) -> !split
  of.check_finite %k, "k" : !split
  of.set @n, %n : !whole
  of.set @s, %u : !split
}

// Two variables get one value: the second gets a copy. A variable that becomes another is copied too.
// CHECK-LABEL: task.program @copies "train" micros 1
// CHECK: %[[Y:.*]] = of.get @y
// CHECK: %[[E:.*]] = task.kernel "exp#0"
// CHECK: %[[C:.*]] = task.kernel "copy.copy#0"(%[[E]])
// CHECK: of.set @y, %[[E]]
// CHECK: of.set @z, %[[C]]
of.program @copies train {
  %y = of.get @y : !b
  %e = of.exp %y : (!b) -> !b
  of.set @y, %e : !b
  of.set @z, %e : !b
}

// CHECK-LABEL: task.program @init "init"
// CHECK-DAG: task.load "a.load" [@x]
// CHECK-DAG: task.load "ab.load" [@s, @n]
of.program @init init {
  of.load @x
  of.load @s
  of.load @n
}

// CHECK-LABEL: task.program @snapshot "snapshot"
// CHECK-DAG: task.write "a.write" [@x]
// CHECK-DAG: task.write "ab.write" [@s, @n]
of.program @snapshot snapshot {
  %x = of.get @x : !a
  %s = of.get @s : !split
  %n = of.get @n : !whole
}

// CHECK-LABEL: task.program @nothing "eval" micros 1 {
// CHECK-NEXT: }
of.program @nothing eval {
}

// What is held back for a value is computed in its segment, though its own operand was there before;
// and it is not fused with what had that operand first.
// CHECK-LABEL: task.program @again "train" micros 1
// CHECK: task.segment "a.compute.0"
// CHECK-COUNT-2: task.kernel
// CHECK: task.segment "a.compute.2" {{.*}} ins(%{{.*}}, %{{.*}} :
// CHECK-NOT: task.after
// CHECK: of.exp
// CHECK-NOT: task.after
// CHECK: of.set @x
of.program @again train {
  %x = of.get @x : !a
  %y = of.get @y : !b
  %u = of.tanh %x : (!a) -> !a
  %v = of.exp %u : (!a) -> !a
  %vb = of.boxing %v : !a to !b
  %z = of.add %y, %vb : (!b, !b) -> !b
  %za = of.boxing %z : !b to !a
  %u1 = task.after %u, %za : !a, !a
  %v1 = of.exp %u1 : (!a) -> !a
  %x1 = of.mul %za, %v1 : (!a, !a) -> !a
  of.set @x, %x1 : !a
}

// What only a later segment reads is computed there, if what it is computed from is kept for that anyway.
// CHECK-LABEL: task.program @late "train" micros 4
// CHECK: task.segment "a.compute.0.micro"
// CHECK: of.exp
// CHECK-NOT: of.matmul
// CHECK: task.segment "a.compute.2.micro"
// CHECK-COUNT-3: of.matmul
of.program @late train {
  %n = of.get @z : !b
  %g = of.micro count 4 -> tensor<4x4xf32, #of.dist<#a, [B]>> {
    %x = of.read @d : tensor<4x4xf32, #of.dist<#a, [B]>>
    %h = of.exp %x : (tensor<4x4xf32, #of.dist<#a, [B]>>) -> tensor<4x4xf32, #of.dist<#a, [B]>>
    %hb = of.boxing %h : tensor<4x4xf32, #of.dist<#a, [B]>> to tensor<4x4xf32, #of.dist<#b, [B]>>
    %y = of.sin %hb : (tensor<4x4xf32, #of.dist<#b, [B]>>) -> tensor<4x4xf32, #of.dist<#b, [B]>>
    %ya = of.boxing %y : tensor<4x4xf32, #of.dist<#b, [B]>> to tensor<4x4xf32, #of.dist<#a, [B]>>
    %t = of.matmul %x, %x : (tensor<4x4xf32, #of.dist<#a, [B]>>, tensor<4x4xf32, #of.dist<#a, [B]>>) -> tensor<4x4xf32, #of.dist<#a, [B]>>
    %u = of.matmul %t, %ya : (tensor<4x4xf32, #of.dist<#a, [B]>>, tensor<4x4xf32, #of.dist<#a, [B]>>) -> tensor<4x4xf32, #of.dist<#a, [B]>>
    %v = of.matmul %u, %x : (tensor<4x4xf32, #of.dist<#a, [B]>>, tensor<4x4xf32, #of.dist<#a, [B]>>) -> tensor<4x4xf32, #of.dist<#a, [B]>>
    of.yield %v : tensor<4x4xf32, #of.dist<#a, [B]>>
  }
  of.check_finite %g, "g" : tensor<4x4xf32, #of.dist<#a, [B]>>
}

// Else it is computed early, and what it is computed from need not be kept.
// CHECK-LABEL: task.program @early "train" micros 4
// CHECK: task.segment "a.compute.0.micro"
// CHECK: of.matmul
// CHECK: task.segment "a.compute.2.micro"
// CHECK-COUNT-1: of.matmul
of.program @early train {
  %n = of.get @z : !b
  %g = of.micro count 4 -> tensor<4x4xf32, #of.dist<#a, [B]>> {
    %x = of.read @d : tensor<4x4xf32, #of.dist<#a, [B]>>
    %h = of.exp %x : (tensor<4x4xf32, #of.dist<#a, [B]>>) -> tensor<4x4xf32, #of.dist<#a, [B]>>
    %hb = of.boxing %h : tensor<4x4xf32, #of.dist<#a, [B]>> to tensor<4x4xf32, #of.dist<#b, [B]>>
    %y = of.sin %hb : (tensor<4x4xf32, #of.dist<#b, [B]>>) -> tensor<4x4xf32, #of.dist<#b, [B]>>
    %ya = of.boxing %y : tensor<4x4xf32, #of.dist<#b, [B]>> to tensor<4x4xf32, #of.dist<#a, [B]>>
    %t = of.matmul %x, %x : (tensor<4x4xf32, #of.dist<#a, [B]>>, tensor<4x4xf32, #of.dist<#a, [B]>>) -> tensor<4x4xf32, #of.dist<#a, [B]>>
    %u = of.matmul %t, %ya : (tensor<4x4xf32, #of.dist<#a, [B]>>, tensor<4x4xf32, #of.dist<#a, [B]>>) -> tensor<4x4xf32, #of.dist<#a, [B]>>
    of.yield %u : tensor<4x4xf32, #of.dist<#a, [B]>>
  }
  of.check_finite %g, "g" : tensor<4x4xf32, #of.dist<#a, [B]>>
}
