// RUN: of-opt --of-recompute --split-input-file %s | FileCheck %s

// In full: from the value that the block begins with, once the next block's gradient is there. What
// the next block reads is kept, and so is what only the forward pass needs.
// CHECK-LABEL: of.program @full train {
// CHECK: %[[X:.*]] = of.read @d
// CHECK-NEXT: %[[Z:.*]] = of.matmul %[[X]], %{{.*}} :
// CHECK-NEXT: %[[A:.*]] = of.tanh %[[Z]]
// CHECK-NEXT: %[[Y:.*]] = of.matmul %[[A]]
// CHECK-NEXT: %[[L:.*]] = of.exp %[[Y]]
// CHECK-NEXT: %[[DY:.*]] = of.mul %{{.*}}, %[[L]]
// CHECK-NEXT: %[[XK:.*]] = task.after %[[X]], %[[DY]]
// CHECK-NEXT: %[[WK:.*]] = task.after %{{.*}}, %[[DY]]
// CHECK-NEXT: %[[ZA:.*]] = of.matmul %[[XK]], %[[WK]]
// CHECK-NEXT: %[[AA:.*]] = of.tanh %[[ZA]]
// CHECK-NEXT: %[[DW:.*]] = of.matmul %[[AA]], %[[DY]]
// CHECK-NEXT: of.yield %[[DW]], %[[L]]
// CHECK-NOT: of.block
// CHECK-NOT: of.recompute
module {
  of.program @full train attributes {of.recompute = array<i64: 2, 0>} {
    %w = of.get @w : tensor<4x4xf32>
    %sums:2 = of.micro count 2 -> tensor<4x4xf32>, tensor<4x4xf32> {
      %one = of.constant 1.0 : f32 : tensor<4x4xf32>
      %x = of.read @d {of.block = 1 : i64} : tensor<4x4xf32>
      %z = of.matmul %x, %w {of.block = 0 : i64} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      %a = of.tanh %z {of.block = 0 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
      %y = of.matmul %a, %w {of.block = 0 : i64} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      %l = of.exp %y {of.block = 1 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
      %dy = of.mul %one, %l : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      %dw = of.matmul %a, %dy transpose_lhs : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      of.yield %dw, %l : tensor<4x4xf32>, tensor<4x4xf32>
    }
  }
}

// -----

// Selectively: the product is kept, what follows from it is done again.
// CHECK-LABEL: of.program @selective train {
// CHECK: %[[Z:.*]] = of.matmul
// CHECK: %[[DY:.*]] = of.mul
// CHECK-NEXT: %[[ZK:.*]] = task.after %[[Z]], %[[DY]]
// CHECK-NEXT: %[[AA:.*]] = of.tanh %[[ZK]]
// CHECK-NEXT: of.matmul %[[AA]], %[[DY]]
module {
  of.program @selective train attributes {of.recompute = array<i64: 1, 0>} {
    %w = of.get @w : tensor<4x4xf32>
    %sums:2 = of.micro count 2 -> tensor<4x4xf32>, tensor<4x4xf32> {
      %one = of.constant 1.0 : f32 : tensor<4x4xf32>
      %x = of.read @d {of.block = 1 : i64} : tensor<4x4xf32>
      %z = of.matmul %x, %w {of.block = 0 : i64} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      %a = of.tanh %z {of.block = 0 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
      %y = of.matmul %a, %w {of.block = 0 : i64} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      %l = of.exp %y {of.block = 1 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
      %dy = of.mul %one, %l : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      %dw = of.matmul %a, %dy transpose_lhs : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      of.yield %dw, %l : tensor<4x4xf32>, tensor<4x4xf32>
    }
  }
}

// -----

// What came from other devices is kept: no exchange is done twice.
// CHECK-LABEL: of.program @exchanged train {
// CHECK-COUNT-1: of.boxing
// CHECK: %[[DY:.*]] = of.mul
// CHECK-NEXT: task.after %{{.*}}, %[[DY]]
// CHECK-NEXT: of.tanh
// CHECK-NOT: of.boxing
#mesh = #of.mesh<"main", [data = 2], [0, 1]>
!whole = tensor<4x4xf32, #of.dist<#mesh, [B]>>
!part = tensor<4x4xf32, #of.dist<#mesh, [P]>>
module {
  of.program @exchanged train attributes {of.recompute = array<i64: 2, 0>} {
    %w = of.get @w : !whole
    %sums:2 = of.micro count 2 -> !whole, !whole {
      %one = of.constant 1.0 : f32 : !whole
      %x = of.read @d {of.block = 1 : i64} : tensor<4x4xf32, #of.dist<#mesh, [S(0)]>>
      %p = of.matmul %x, %x transpose_lhs {of.block = 0 : i64} : (tensor<4x4xf32, #of.dist<#mesh, [S(0)]>>, tensor<4x4xf32, #of.dist<#mesh, [S(0)]>>) -> !part
      %z = of.boxing %p : !part to !whole
      %a = of.tanh %z {of.block = 0 : i64} : (!whole) -> !whole
      %y = of.matmul %a, %w {of.block = 0 : i64} : (!whole, !whole) -> !whole
      %l = of.exp %y {of.block = 1 : i64} : (!whole) -> !whole
      %dy = of.mul %one, %l : (!whole, !whole) -> !whole
      %dw = of.matmul %a, %dy transpose_lhs : (!whole, !whole) -> !whole
      of.yield %dw, %l : !whole, !whole
    }
  }
}
