// RUN: of-opt --of-settle-buffers --of-schedule --of-assign-memory %s | FileCheck %s

#a = #of.mesh<"a", [d = 2], [0, 1]>
#b = #of.mesh<"b", [d = 1], [1]>
#c = #of.mesh<"c", [d = 1], [2]>
!a = tensor<16xf32, #of.dist<#a, [B]>>
!rows = tensor<33xf32, #of.dist<#a, [S(0)]>>
!b = tensor<64xf32, #of.dist<#b, [B]>>
!c = tensor<16xf32, #of.dist<#c, [B]>>

// Meshes a and b share device 1, so they share a layout; c has its own.
// CHECK: task.chunks = {a = [[CHUNK:[0-9]+]] : i64, c = [[CCHUNK:[0-9]+]] : i64}
// CHECK-SAME: task.groups = {a = array<i64: 0, 1>, c = array<i64: 2>}
// CHECK-SAME: task.max_live = {a = [[CHUNK]] : i64, c = [[CCHUNK]] : i64}
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}, {kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]}]}} {
  of.dataset @d samples 64 fields [{}]

  // Variables first, each at a multiple of 64 bytes. Of an uneven split (17 + 16 rows) the larger part counts.
  // CHECK: of.variable @r : {{.*}} {task.offset = 0 : i64}
  // CHECK: of.variable @v : {{.*}} {task.offset = 128 : i64}
  // CHECK: of.variable @w : {{.*}} {task.offset = 384 : i64}
  // CHECK: of.variable @u : {{.*}} {task.offset = 0 : i64}
  of.variable @r : !rows "parameter"
  of.variable @v : !b "parameter"
  of.variable @w : !a "parameter"
  of.variable @u : !c "parameter"

  // CHECK-LABEL: task.program @p
  task.program @p "train" micros 1 {
    // Registers: slots times the slot's bytes; behind them what other hosts push into.
    // CHECK: task.register "x" slots [[SLOTS:[0-9]+]] {task.offset = 448 : i64}
    %x = task.register "x" slots 1 : !a
    %y = task.register "y" slots 1 : !c
    task.read "read" firings 1 @d to(%x : !a)
    // CHECK: task.segment "s"
    // CHECK: task.kernel "one"({{.*}}) in_place [-1] attributes {task.offset = array<i64: [[ONE:[0-9]+]]>}
    // CHECK: task.kernel "two"({{.*}}) in_place [0] attributes {task.offset = array<i64: [[ONE]]>}
    // CHECK: task.kernel "three"({{.*}}) in_place [-1] attributes {task.offset = array<i64: [[THREE:[0-9]+]]>}
    // What is in a variable has no offset of its own.
    // CHECK: task.kernel "four"({{.*}}) in_place [-1] : (
    task.segment "s" firings 1 ins(%x : !a) outs() periods [1] to [] calls [0] to [] {
    ^bb0(%in: !a):
      %one = task.kernel "one"(%in) in_place [-1] : (!a) -> !a {
      ^bb0(%i: !a):
        %o = of.exp %i : (!a) -> !a
        task.return %o : !a
      }
      %two = task.kernel "two"(%one) in_place [-1] : (!a) -> !a {
      ^bb0(%i: !a):
        %o = of.tanh %i : (!a) -> !a
        task.return %o : !a
      }
      %three = task.kernel "three"(%two) in_place [-1] : (!a) -> tensor<f32, #of.dist<#a, [B]>> {
      ^bb0(%i: !a):
        %o = of.reduce_sum %i dims [0] : (!a) -> tensor<f32, #of.dist<#a, [B]>>
        task.return %o : tensor<f32, #of.dist<#a, [B]>>
      }
      %four = task.kernel "four"(%three) in_place [-1] : (tensor<f32, #of.dist<#a, [B]>>) -> !a {
      ^bb0(%i: tensor<f32, #of.dist<#a, [B]>>):
        %c = of.constant 1.0 : f32 : !a
        %o = of.add %i, %c : (tensor<f32, #of.dist<#a, [B]>>, !a) -> !a
        task.return %o : !a
      }
      of.set @w, %four : !a
      task.return
    }
    task.read "other" firings 1 @d to(%y : !c)
  }

  // Programs run one after the other and overlay each other.
  // CHECK-LABEL: task.program @q
  // CHECK: task.register "x" slots {{[0-9]+}} {task.offset = 448 : i64}
  task.program @q "eval" micros 1 {
    %x = task.register "x" slots 1 : !a
    task.read "read" firings 1 @d to(%x : !a)
  }
}
