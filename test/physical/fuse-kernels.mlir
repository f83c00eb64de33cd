// RUN: of-opt --of-fuse-kernels %s | FileCheck %s

#mesh = #of.mesh<"main", [d = 2], [0, 1]>
!t = tensor<8x4xf32, #of.dist<#mesh, [B]>>
!v = tensor<4xf32, #of.dist<#mesh, [B]>>
!r = tensor<8xf32, #of.dist<#mesh, [B]>>
!s = tensor<4x4xf32, #of.dist<#mesh, [B]>>
!c = tensor<1x4xf32, #of.dist<#mesh, [B]>>
!l = tensor<1024x1024xf32, #of.dist<#mesh, [B]>>

of.variable @w : !v "parameter"

// Pointwise ops and the folds over them are one kernel, named after its result. Gets stay outside.
// CHECK-LABEL: of.program @fuse
of.program @fuse train {
  // CHECK: %[[X:.*]] = of.read
  // CHECK: %[[W:.*]] = of.get
  // CHECK: %[[H:.*]] = task.kernel "{{.*}}#0"(%[[X]], %[[W]]) in_place [-1]
  // CHECK-NEXT: ^bb0
  // CHECK-NEXT: of.add
  // CHECK-NEXT: of.relu
  // CHECK-NEXT: of.reduce_sum
  // CHECK-NEXT: task.return
  // CHECK-NOT: task.kernel
  %x = of.read @d : !t
  %w = of.get @w : !v
  %a = of.add %x, %w : (!t, !v) -> !t
  %h = of.relu %a : (!t) -> !t
  %s = of.reduce_sum %h dims [0] : (!t) -> !v
  of.set @w, %s : !v
}

// A library's op is alone; what it and others need is a result of its own.
// CHECK-LABEL: of.program @library
of.program @library train {
  // CHECK: %[[E:.*]] = task.kernel
  // CHECK-NEXT: ^bb0
  // CHECK-NEXT: of.exp
  // CHECK: %[[M:.*]] = task.kernel {{.*}}(%[[E]], %{{.*}})
  // CHECK-NEXT: ^bb0
  // CHECK-NEXT: of.matmul
  // CHECK-NEXT: task.return
  // CHECK: task.kernel {{.*}}(%[[E]], %[[M]])
  // CHECK-NEXT: ^bb0
  // CHECK-NEXT: of.add
  %x = of.read @d : tensor<4x4xf32, #of.dist<#mesh, [B]>>
  %e = of.exp %x : (tensor<4x4xf32, #of.dist<#mesh, [B]>>) -> tensor<4x4xf32, #of.dist<#mesh, [B]>>
  %m = of.matmul %e, %x : (tensor<4x4xf32, #of.dist<#mesh, [B]>>, tensor<4x4xf32, #of.dist<#mesh, [B]>>) -> tensor<4x4xf32, #of.dist<#mesh, [B]>>
  %s = of.add %e, %m : (tensor<4x4xf32, #of.dist<#mesh, [B]>>, tensor<4x4xf32, #of.dist<#mesh, [B]>>) -> tensor<4x4xf32, #of.dist<#mesh, [B]>>
  of.check_finite %s, "s" : tensor<4x4xf32, #of.dist<#mesh, [B]>>
}

// A value that costs something is not computed again for each row of its reader: it is stored.
// CHECK-LABEL: of.program @cheap
of.program @cheap train {
  // CHECK: %[[E:.*]] = task.kernel
  // CHECK-NEXT: ^bb0
  // CHECK-NEXT: of.exp
  // CHECK-NEXT: task.return
  // CHECK: task.kernel {{.*}}%[[E]]
  // CHECK-NEXT: ^bb0
  // CHECK-NEXT: of.mul
  %x = of.read @d : !t
  %w = of.get @w : !v
  %e = of.exp %w : (!v) -> !v
  %y = of.mul %x, %e : (!t, !v) -> !t
  of.check_finite %y, "y" : !t
}

// A constant belongs to whoever reads it, and a detour through an exchange keeps two kernels apart.
// CHECK-LABEL: of.program @detour
of.program @detour train {
  // CHECK: %[[A:.*]] = task.kernel
  // CHECK: of.constant
  // CHECK: of.add
  // CHECK: task.return
  // CHECK: %[[B:.*]] = of.boxing %[[A]]
  // CHECK: task.kernel {{.*}}(%{{.*}}, %{{.*}})
  // CHECK: of.constant
  // CHECK: of.mul
  // CHECK: of.add
  %w = of.get @w : !v
  %c = of.constant 2.0 : f32 : !v
  %a = of.add %w, %c : (!v, !v) -> !v
  %s = of.boxing %a : !v to tensor<4xf32, #of.dist<#mesh, [S(0)]>>
  %b = of.boxing %s : tensor<4xf32, #of.dist<#mesh, [S(0)]>> to !v
  %m = of.mul %b, %c : (!v, !v) -> !v
  %n = of.add %m, %a : (!v, !v) -> !v
  of.set @w, %n : !v
}

// What a micro-batch computes is a kernel of its own rate.
// CHECK-LABEL: of.program @micro
of.program @micro train {
  // CHECK: of.micro count 2
  // CHECK: task.kernel
  // CHECK: of.exp
  // CHECK: of.accumulate
  // CHECK: of.yield
  // CHECK: task.kernel
  // CHECK: of.tanh
  %s = of.micro count 2 -> !t {
  ^bb0(%sum: !t):
    %x = of.read @d : !t
    %e = of.exp %x : (!t) -> !t
    %a = of.accumulate %sum, %e : (!t, !t) -> !t
    of.yield %a : !t
  }
  %u = of.tanh %s : (!t) -> !t
  of.check_finite %u, "u" : !t
}

// What nobody needs is dropped.
// CHECK-LABEL: of.program @dead
// CHECK-NEXT: of.read
// CHECK-NEXT: }
of.program @dead train {
  %x = of.read @d : !t
  %e = of.exp %x : (!t) -> !t
  %t = of.tanh %e : (!t) -> !t
  %m = of.matmul %x, %x transpose_lhs : (!t, !t) -> tensor<4x4xf32, #of.dist<#mesh, [B]>>
}

// What the reader of a product reads anyway gives it the product again: the product is not stored.
// CHECK-LABEL: of.program @repeat
of.program @repeat train {
  // CHECK: %[[A:.*]]:2 = task.kernel
  // CHECK: of.sub
  // CHECK: of.mul
  // CHECK: of.relu
  // CHECK: %[[M:.*]] = task.kernel {{.*}}(%[[A]]#1
  // CHECK: of.matmul
  // CHECK: task.kernel {{.*}}(%[[M]], %{{.*}}, %[[A]]#0)
  // CHECK-NEXT: ^bb0(%[[G:.*]]: {{.*}}, %[[R:.*]]: {{.*}}, %[[C:.*]]: tensor
  // CHECK-NEXT: %[[GR:.*]] = of.mul %[[G]], %[[R]]
  // CHECK-NEXT: %[[N:.*]] = of.mul %[[C]], %[[R]]
  // CHECK-NEXT: %[[D:.*]] = of.mul %[[GR]], %[[N]]
  // CHECK-NEXT: of.add %[[D]], %[[C]]
  // CHECK-NEXT: task.return
  %x = of.read @d : !s
  %m = of.read @m : !c
  %r = of.read @r : !c
  %c = of.sub %x, %m : (!s, !c) -> !s
  %n = of.mul %c, %r : (!s, !c) -> !s
  %h = of.relu %n : (!s) -> !s
  %g = of.matmul %h, %x : (!s, !s) -> !s
  %gr = of.mul %g, %r : (!s, !c) -> !s
  %d = of.mul %gr, %n : (!s, !s) -> !s
  %dx = of.add %d, %c : (!s, !s) -> !s
  of.check_finite %dx, "dx" : !s
}

// A function's result that no cache keeps is computed again instead of kept, from what its only other reader has:
// by a few ops with one function among them.
// CHECK-LABEL: of.program @again
of.program @again train {
  // CHECK: %[[A:.*]] = task.kernel {{.*}}(%[[X:.*]]) in_place
  // CHECK: of.exp
  // CHECK: of.relu
  // CHECK-NEXT: task.return %{{.*}} : tensor
  // CHECK: %[[M:.*]] = task.kernel {{.*}}(%[[A]]
  // CHECK: of.matmul
  // CHECK: task.kernel {{.*}}(%[[M]], %[[X]])
  // CHECK: %[[D:.*]] = of.mul
  // CHECK-NEXT: %[[S:.*]] = of.mul
  // CHECK-NEXT: %[[N:.*]] = of.neg %[[S]]
  // CHECK-NEXT: %[[E:.*]] = of.exp %[[N]]
  // CHECK-NEXT: of.mul %[[D]], %[[E]]
  // CHECK-NEXT: task.return
  %x = of.read @l : !l
  %s = of.mul %x, %x : (!l, !l) -> !l
  %n = of.neg %s : (!l) -> !l
  %e = of.exp %n : (!l) -> !l
  %h = of.relu %e : (!l) -> !l
  %g = of.matmul %h, %x : (!l, !l) -> !l
  %d = of.mul %g, %x : (!l, !l) -> !l
  %f = of.mul %d, %e : (!l, !l) -> !l
  of.check_finite %f, "f" : !l
}

// Two functions cost more than to read the result; and what a third kernel reads is stored anyway.
// CHECK-LABEL: of.program @twice
of.program @twice train {
  // CHECK: %[[A:.*]]:2 = task.kernel
  // CHECK: %[[B:.*]]:2 = task.kernel
  // CHECK: %[[M:.*]] = task.kernel
  // CHECK: of.matmul
  // CHECK: task.kernel {{.*}}%[[A]]#
  // CHECK-NOT: of.exp
  // CHECK-NOT: of.sin
  // CHECK: task.return
  %x = of.read @l : !l
  %y = of.read @k : !l
  %t = of.tanh %x : (!l) -> !l
  %e = of.exp %t : (!l) -> !l
  %h = of.relu %e : (!l) -> !l
  %o = of.sin %y : (!l) -> !l
  %q = of.relu %o : (!l) -> !l
  of.check_finite %q, "q" : !l
  %g = of.matmul %h, %o : (!l, !l) -> !l
  %d = of.mul %g, %x : (!l, !l) -> !l
  %f = of.mul %d, %e : (!l, !l) -> !l
  %dy = of.mul %f, %y : (!l, !l) -> !l
  %i = of.mul %dy, %o : (!l, !l) -> !l
  of.check_finite %i, "i" : !l
}

// A function of what a cache keeps costs more than to read its result, and what the reader does not have cannot be done again.
// CHECK-LABEL: of.program @stored
of.program @stored train {
  // CHECK: %[[A:.*]]:4 = task.kernel
  // CHECK: %[[M:.*]] = task.kernel
  // CHECK: of.matmul
  // CHECK: task.kernel {{.*}}(%[[M]], %[[A]]#
  // CHECK-NOT: of.exp
  // CHECK-NOT: of.sub
  // CHECK: task.return
  %x = of.read @d : !s
  %m = of.read @m : !c
  %c = of.sub %x, %m : (!s, !c) -> !s
  %e = of.exp %c : (!s) -> !s
  %n = of.neg %e : (!s) -> !s
  %h = of.relu %n : (!s) -> !s
  %g = of.matmul %h, %n : (!s, !s) -> !s
  %d = of.mul %g, %c : (!s, !s) -> !s
  %f = of.mul %d, %e : (!s, !s) -> !s
  of.check_finite %f, "f" : !s
}

of.variable @a : !s "parameter"
of.variable @b : !s "parameter"

// A variable gets its new value right after the last that reads the old one, not at the end: its gradient lives no longer.
// CHECK-LABEL: of.program @early
of.program @early train {
  // CHECK: %[[A:.*]] = of.get @a
  // CHECK: %[[B:.*]] = of.get @b
  // CHECK: %[[Y:.*]] = task.kernel "{{.*}}"(%{{.*}}, %[[B]])
  // CHECK: %[[GB:.*]] = task.kernel "gb
  // CHECK: %[[GH:.*]] = task.kernel "{{.*}}"(%[[Y]], %[[B]])
  // CHECK: of.matmul
  // CHECK: task.kernel "{{.*}}"(%[[B]], %[[GB]])
  // CHECK: of.sub
  // CHECK: %[[GA:.*]] = task.kernel "{{.*}}"(%{{.*}}, %[[GH]])
  // CHECK: of.matmul
  // CHECK: task.kernel "{{.*}}"(%[[A]], %[[GA]])
  // CHECK: of.sub
  // CHECK: of.set @a
  // CHECK: of.set @b
  %x = of.read @d : !s
  %a = of.get @a : !s
  %b = of.get @b : !s
  %h = of.matmul %x, %a : (!s, !s) -> !s
  %y = of.matmul %h, %b : (!s, !s) -> !s
  %gb = of.matmul %h, %y : (!s, !s) -> !s loc("gb")
  %gh = of.matmul %y, %b : (!s, !s) -> !s
  %ga = of.matmul %x, %gh : (!s, !s) -> !s
  %na = of.sub %a, %ga : (!s, !s) -> !s
  %nb = of.sub %b, %gb : (!s, !s) -> !s
  of.set @a, %na : !s
  of.set @b, %nb : !s
}

// Of two values that only a later kernel needs, one a function of the other, the one is not made early and kept.
// CHECK-LABEL: of.program @later
of.program @later train {
  // CHECK: %[[X:.*]] = of.read
  // CHECK: %[[F:.*]]:2 = task.kernel {{.*}}(%[[X]])
  // CHECK-NEXT: ^bb0
  // CHECK-NEXT: %[[Z:.*]] = of.sin
  // CHECK-NEXT: %[[E:.*]] = of.exp %[[Z]]
  // CHECK-NEXT: task.return %[[Z]], %[[E]]
  // CHECK: %[[M:.*]] = task.kernel {{.*}}(%[[F]]#1
  // CHECK: of.matmul
  // CHECK: task.kernel {{.*}}(%[[F]]#0, %[[M]])
  // CHECK-NEXT: ^bb0
  // CHECK-NEXT: of.mul
  // CHECK-NEXT: of.cos
  // CHECK-NEXT: of.mul
  // CHECK-NEXT: of.mul
  %x = of.read @d : !l
  %z = of.sin %x : (!l) -> !l
  %e = of.exp %z : (!l) -> !l
  %m = of.matmul %e, %x : (!l, !l) -> !l
  %q = of.mul %z, %z : (!l, !l) -> !l
  %c = of.cos %q : (!l) -> !l
  %g = of.mul %c, %m : (!l, !l) -> !l
  %h = of.mul %g, %z : (!l, !l) -> !l
  of.check_finite %h, "h" : !l
}

// Made early is what is smaller than what it comes from, if that then need not be kept.
// CHECK-LABEL: of.program @smaller
of.program @smaller train {
  // CHECK: %[[X:.*]] = of.read
  // CHECK: task.kernel {{.*}}(%[[X]])
  // CHECK-NEXT: ^bb0
  // CHECK-NEXT: of.sin
  // CHECK-NEXT: of.exp
  // CHECK: of.compare
  // CHECK-NEXT: task.return
  // CHECK: of.matmul
  // CHECK: of.select
  %x = of.read @d : !l
  %z = of.sin %x : (!l) -> !l
  %e = of.exp %z : (!l) -> !l
  %m = of.matmul %e, %x : (!l, !l) -> !l
  %zero = of.constant 0.0 : f32 : tensor<f32, #of.dist<#mesh, [B]>>
  %c = of.compare "gt" %z, %zero : (!l, tensor<f32, #of.dist<#mesh, [B]>>) -> tensor<1024x1024xi1, #of.dist<#mesh, [B]>>
  %g = of.select %c, %m, %zero : (tensor<1024x1024xi1, #of.dist<#mesh, [B]>>, !l, tensor<f32, #of.dist<#mesh, [B]>>) -> !l
  of.check_finite %g, "g" : !l
}
