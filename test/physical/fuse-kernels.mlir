// RUN: of-opt --of-fuse-kernels %s | FileCheck %s

#mesh = #of.mesh<"main", [d = 2], [0, 1]>
!t = tensor<8x4xf32, #of.dist<#mesh, [B]>>
!v = tensor<4xf32, #of.dist<#mesh, [B]>>
!r = tensor<8xf32, #of.dist<#mesh, [B]>>

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
