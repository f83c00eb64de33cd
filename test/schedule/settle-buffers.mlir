// RUN: of-opt --of-settle-buffers %s | FileCheck %s

#m = #of.mesh<"main", [d = 1], [0]>
!t = tensor<8x4xf32, #of.dist<#m, [B]>>
!u = tensor<4x8xf32, #of.dist<#m, [B]>>

of.dataset @d samples 64 fields [{}]
of.variable @v : !t "parameter"
of.variable @w : !t "parameter"

// CHECK-LABEL: task.program @p
task.program @p "train" micros 2 {
  %x = task.register "x" slots 1 : !t
  %y = task.register "y" slots 1 : !t
  %z = task.register "z" slots 1 : !t
  %s = task.register "s" slots 1 : !t
  %r = task.register "r" slots 1 : !t
  task.read "read" firings 2 @d to(%x : !t)

  // The second of two uses may be overwritten, a value that is returned or read again not; a port's
  // slot is never given to a temporary.
  // CHECK: task.segment "dying"
  // CHECK: %[[A:.*]] = task.kernel "a"(%{{.*}}) in_place [-1]
  // CHECK: %[[B:.*]] = task.kernel "b"(%[[A]]) in_place [-1]
  // CHECK: %[[C:.*]] = task.kernel "c"(%[[B]], %[[A]]) in_place [0]
  // CHECK: task.kernel "e"(%[[C]]) in_place [-1]
  task.segment "dying" firings 2 ins(%x : !t) outs(%y : !t) periods [1] to [1] calls [0] to [0] {
  ^bb0(%in: !t):
    %a = task.kernel "a"(%in) in_place [-1] : (!t) -> !t {
    ^bb0(%i: !t):
      %o = of.exp %i : (!t) -> !t
      task.return %o : !t
    }
    %b = task.kernel "b"(%a) in_place [-1] : (!t) -> !t {
    ^bb0(%i: !t):
      %o = of.tanh %i : (!t) -> !t
      task.return %o : !t
    }
    %c = task.kernel "c"(%b, %a) in_place [-1] : (!t, !t) -> !t {
    ^bb0(%i: !t, %j: !t):
      %o = of.mul %i, %j : (!t, !t) -> !t
      task.return %o : !t
    }
    %e = task.kernel "e"(%c) in_place [-1] : (!t) -> !t {
    ^bb0(%i: !t):
      %o = of.neg %i : (!t) -> !t
      task.return %o : !t
    }
    task.return %e : !t
  }

  // Read element by element, but also through a view: the other view would see new values. A
  // transpose reads other elements than it writes.
  // CHECK: task.segment "views"
  // CHECK: task.kernel "both"(%{{.*}}, %{{.*}}) in_place [-1]
  // CHECK: task.kernel "turn"(%{{.*}}) in_place [-1]
  task.segment "views" firings 2 ins(%y : !t) outs(%z : !t) periods [1] to [1] calls [0] to [0] {
  ^bb0(%in: !t):
    %a = task.kernel "a"(%in) in_place [-1] : (!t) -> !t {
    ^bb0(%i: !t):
      %o = of.exp %i : (!t) -> !t
      task.return %o : !t
    }
    %v = of.reshape %a to [4, 8] : (!t) -> !u
    %b = task.kernel "both"(%a, %v) in_place [-1] : (!t, !u) -> !t {
    ^bb0(%i: !t, %j: !u):
      %s0 = of.reduce_sum %j dims [0, 1] : (!u) -> tensor<f32, #of.dist<#m, [B]>>
      %o = of.add %i, %s0 : (!t, tensor<f32, #of.dist<#m, [B]>>) -> !t
      task.return %o : !t
    }
    %c = task.kernel "turn"(%b) in_place [-1] : (!t) -> !u {
    ^bb0(%i: !t):
      %o = of.transpose %i [1, 0] : (!t) -> !u
      task.return %o : !u
    }
    %d = of.reshape %c to [8, 4] : (!u) -> !t
    %e = task.kernel "e"(%d) in_place [-1] : (!t) -> !t {
    ^bb0(%i: !t):
      %o = of.neg %i : (!t) -> !t
      task.return %o : !t
    }
    task.return %e : !t
  }

  // A sum is written over the last one, unless something reads that afterwards.
  // CHECK: task.segment "sums" {{.*}} periods [1] to [2, 2] calls [1] to [0, 3]
  // CHECK: ^bb0(%[[IN:.*]]: {{.*}}, %[[S:.*]]: {{.*}}, %[[R:.*]]: {{.*}}):
  // CHECK: %[[A:.*]] = task.kernel "a"(%[[S]], %[[IN]]) in_place [0]
  // CHECK: %[[B:.*]] = task.kernel "b"(%[[R]], %[[IN]]) in_place [-1]
  // CHECK: task.kernel "late"(%[[R]])
  // CHECK: %[[COPY:.*]] = task.kernel "b.copy"(%[[B]]) in_place [-1]
  // CHECK-NEXT: ^bb0
  // CHECK-NEXT: of.copy
  // CHECK: task.return %[[A]], %[[COPY]]
  task.segment "sums" firings 2 ins(%z : !t) outs(%s, %r : !t, !t) periods [1] to [2, 2] calls [0] to [0, 1] {
  ^bb0(%in: !t, %sum: !t, %other: !t):
    %a = task.kernel "a"(%sum, %in) in_place [-1] : (!t, !t) -> !t {
    ^bb0(%i: !t, %j: !t):
      %o = of.accumulate %i, %j : (!t, !t) -> !t
      task.return %o : !t
    }
    %b = task.kernel "b"(%other, %in) in_place [-1] : (!t, !t) -> !t {
    ^bb0(%i: !t, %j: !t):
      %o = of.accumulate %i, %j : (!t, !t) -> !t
      task.return %o : !t
    }
    %c = task.kernel "late"(%other) in_place [-1] : (!t) -> !t {
    ^bb0(%i: !t):
      %o = of.exp %i : (!t) -> !t
      task.return %o : !t
    }
    task.return %a, %b : !t, !t
  }

  // @v: read earlier and by its own kernel, element by element: written straight. @w: read once more
  // afterwards, so the new value waits for the end. Sets stand last; that one needs a copy does not
  // move it before its value.
  // CHECK: task.segment "sets"
  // CHECK: %[[OLD:.*]] = of.get @v
  // CHECK: task.kernel "early"(%[[OLD]])
  // CHECK: %[[AGAIN:.*]] = of.get @v
  // CHECK: %[[V:.*]] = task.kernel "new_v"(%[[AGAIN]], %{{.*}}) in_place [0]
  // CHECK: %[[W:.*]] = task.kernel "new_w"(%{{.*}}) in_place [0]
  // CHECK: task.kernel "late"
  // CHECK: %[[COPY:.*]] = task.kernel "new_w.copy"(%[[W]]) in_place [-1]
  // CHECK: of.set @w, %[[COPY]]
  // CHECK-NEXT: of.set @v, %[[V]]
  task.segment "sets" firings 1 ins(%s : !t) outs() periods [1] to [] calls [0] to [] {
  ^bb0(%in: !t):
    %v0 = of.get @v : !t
    %early = task.kernel "early"(%v0) in_place [-1] : (!t) -> !t {
    ^bb0(%i: !t):
      %o = of.exp %i : (!t) -> !t
      task.return %o : !t
    }
    %v1 = of.get @v : !t
    %nv = task.kernel "new_v"(%v1, %in) in_place [-1] : (!t, !t) -> !t {
    ^bb0(%i: !t, %j: !t):
      %o = of.sub %i, %j : (!t, !t) -> !t
      task.return %o : !t
    }
    %nw = task.kernel "new_w"(%early) in_place [-1] : (!t) -> !t {
    ^bb0(%i: !t):
      %o = of.tanh %i : (!t) -> !t
      task.return %o : !t
    }
    of.set @w, %nw : !t
    %w = of.get @w : !t
    %late = task.kernel "late"(%w) in_place [-1] : (!t) -> !t {
    ^bb0(%i: !t):
      %o = of.exp %i : (!t) -> !t
      task.return %o : !t
    }
    of.set @v, %nv : !t
    task.return
  }

  // The old value is read twice by the kernel that makes the new one, or in another order than it is
  // written, or what is set comes from a port or goes to one: all are copied in at the end.
  // CHECK: task.segment "copies"
  // CHECK: task.kernel "twice"({{.*}}) in_place [-1]
  // CHECK: task.kernel "twice.copy"
  // CHECK: task.kernel "copy"
  task.segment "copies" firings 1 ins(%r : !t) outs() periods [1] to [] calls [0] to [] {
  ^bb0(%in: !t):
    %v0 = of.get @v : !t
    %v1 = of.get @v : !t
    %flat = of.reshape %v1 to [4, 8] : (!t) -> !u
    %nv = task.kernel "twice"(%v0, %flat) in_place [-1] : (!t, !u) -> !t {
    ^bb0(%i: !t, %j: !u):
      %s0 = of.reduce_sum %j dims [0, 1] : (!u) -> tensor<f32, #of.dist<#m, [B]>>
      %o = of.add %i, %s0 : (!t, tensor<f32, #of.dist<#m, [B]>>) -> !t
      task.return %o : !t
    }
    of.set @v, %nv : !t
    of.set @w, %in : !t
    task.return
  }
}
