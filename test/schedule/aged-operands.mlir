// RUN: of-opt --of-lower-micro --of-fuse-kernels --of-build-tasks --of-settle-buffers --of-schedule %s | FileCheck %s

// 4 GB/s for what was used no more than 32,768 bytes ago, else 1 GB/s; arithmetic takes no time.
#m = #of.mesh<"m", [d = 1], [0]>
!x = tensor<64x64xf32, #of.dist<#m, [B]>>

module attributes {
  of.cluster = {nodes = [{name = "n", devices = [{kind = "cpu", launch_us = 0.0, gflops_f32 = 1000000.0, memory_gb_per_s = 1.0,
    memory_sizes = [{bytes = "32 KiB", gb_per_s = 4.0}]}]}]}} {
  of.variable @w : !x "parameter"
  of.variable @v : !x "parameter"

  // A tensor is 16,384 bytes; a result is fetched before it is written, which counts twice.
  //   relu     w was used in the last step, the result is new                            (1 + 2) x 16.384 us
  //   matmul   relu and w were used by the kernel before, the result is new          (2 / 4 + 2) x 16.384 us
  //   neg      the product is as old as the 49,152 bytes that its kernel touches         (1 + 2) x 16.384 us
  // CHECK-LABEL: task.program @chain
  // CHECK: task.seconds = array<f64: 1.3926{{[0-9]*}}{{[eE]-0?4}}>
  of.program @chain eval {
    %w = of.get @w : !x
    %r = of.relu %w : (!x) -> !x
    %p = of.matmul %r, %w : (!x, !x) -> !x
    %n = of.neg %p : (!x) -> !x
    of.set @v, %n : !x
  }
}
