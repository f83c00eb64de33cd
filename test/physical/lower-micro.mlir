// RUN: of-opt --of-lower-micro %s | FileCheck %s

#mesh = #of.mesh<"main", [d = 1], [0]>
!t = tensor<4xf32, #of.dist<#mesh, [B]>>

of.variable @w : !t "parameter"

// One micro-batch has the step's rate: its ops take its place.
// CHECK-LABEL: of.program @one
of.program @one train {
  // CHECK-NOT: of.micro
  // CHECK: %[[X:.*]] = of.read @d
  // CHECK-NEXT: %[[E:.*]] = of.exp %[[X]]
  // CHECK-NEXT: of.set @w, %[[E]]
  %s = of.micro count 1 -> !t {
    %x = of.read @d : !t
    %e = of.exp %x : (!t) -> !t
    of.yield %e : !t
  }
  of.set @w, %s : !t
}

// Of several, each sum is an argument of the region; a value that is yielded twice has two.
// CHECK-LABEL: of.program @several
of.program @several train {
  // CHECK: %[[S:.*]]:3 = of.micro count 4 -> {{.*}} {
  // CHECK-NEXT: ^bb0(%[[A:.*]]: {{.*}}, %[[B:.*]]: {{.*}}, %[[C:.*]]: {{.*}}):
  // CHECK: %[[E:.*]] = of.exp
  // CHECK: %[[T:.*]] = of.tanh %[[E]] {of.stage = 1 : i64}
  // CHECK-NEXT: %[[AE:.*]] = of.accumulate %[[A]], %[[E]]
  // CHECK-NEXT: %[[BT:.*]] = of.accumulate %[[B]], %[[T]] {of.stage = 1 : i64}
  // CHECK-NEXT: %[[CE:.*]] = of.accumulate %[[C]], %[[E]]
  // CHECK-NEXT: of.yield %[[AE]], %[[BT]], %[[CE]]
  %s:3 = of.micro count 4 -> !t, !t, !t {
    %x = of.read @d : !t
    %e = of.exp %x : (!t) -> !t
    %t = of.tanh %e {of.stage = 1 : i64} : (!t) -> !t
    of.yield %e, %t, %e : !t, !t, !t
  }
  // CHECK: of.set @w, %[[S]]#2
  of.set @w, %s#2 : !t
}

// What has its sums keeps them.
// CHECK-LABEL: of.program @lowered
of.program @lowered train {
  // CHECK: of.micro count 2
  // CHECK-NEXT: ^bb0(%[[A:[^ ]*]]: tensor<{{[^:]*}}):
  // CHECK-COUNT-1: of.accumulate
  // CHECK-NOT: of.accumulate
  %s = of.micro count 2 -> !t {
  ^bb0(%a: !t):
    %x = of.read @d : !t
    %t = of.accumulate %a, %x : (!t, !t) -> !t
    of.yield %t : !t
  }
}
