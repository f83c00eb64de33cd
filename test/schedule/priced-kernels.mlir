// RUN: of-opt --of-lower-micro --of-fuse-kernels --of-build-tasks --of-settle-buffers --of-schedule %s | FileCheck %s

// A billion bytes and operations a second, ten times less of functions, 1 us for each fold of a row.
#m = #of.mesh<"m", [d = 1], [0]>
!x = tensor<64x64xf32, #of.dist<#m, [B]>>
!k = tensor<64x1xf32, #of.dist<#m, [B]>>

module attributes {
  of.cluster = {nodes = [{name = "n", devices = [{kind = "cpu", launch_us = 0.0, gflops_f32 = 1.0, memory_gb_per_s = 1.0,
    routines = {function = {gflops_f32 = 0.1}, generated = {start_us = 1.0}}}]}]}} {
  of.variable @w : !x "parameter"

  // Softmax over 4,096 values makes three passes; in each arithmetic is longer than the 16.384 us of its bytes. A function
  // takes as long as two divisions, which take half of it:
  //   largest        4.096 us of operations                                64 us of folds     68.096 us
  //   sum of exp    12.288 us of operations, 40.96 us of functions         64 us of folds    117.248 us
  //   quotient      12.288 us of operations, 40.96 us of exp once more, 20.48 us of division   73.728 us
  // CHECK-LABEL: task.program @softmax
  // CHECK: task.seconds = array<f64: 2.590{{[0-9]*}}{{[eE]-0?4}}>
  of.program @softmax eval {
    %x = of.get @w : !x
    %most = of.reduce_max %x dims [1] keepdims : (!x) -> !k
    %d = of.sub %x, %most : (!x, !k) -> !x
    %e = of.exp %d : (!x) -> !x
    %s = of.reduce_sum %e dims [1] keepdims : (!x) -> !k
    %y = of.div %e, %s : (!x, !k) -> !x
    of.set @w, %y : !x
  }

  // One pass that waits for its bytes: 16,384 are read and 16,384 written in their place.
  // CHECK-LABEL: task.program @relu
  // CHECK: task.seconds = array<f64: 3.2768{{[0-9]*}}{{[eE]-0?5}}>
  of.program @relu eval {
    %x = of.get @w : !x
    %y = of.relu %x : (!x) -> !x
    of.set @w, %y : !x
  }
}
