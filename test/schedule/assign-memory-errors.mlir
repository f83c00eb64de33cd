// RUN: of-opt --of-assign-memory %s --split-input-file --verify-diagnostics

#mesh = #of.mesh<"main", [d = 4], [0, 1, 2, 3]>
!t = tensor<1024xf32, #of.dist<#mesh, [B]>>

// Numbers for devices that are too small, once for those that are alike, and for no other.
// expected-error @+2 {{device 0 of node 'n0' has 4096 bytes of memory, the job needs 8192 there, 4096 too many (4096 of them variables); most is in use in program @p: 'x' 4096; take at least 2 devices that share the variables}}
// expected-error @+1 {{device 2 of node 'n1' has 8191 bytes of memory, the job needs 8192 there and on 1 more like it, 1 too many (4096 of them variables); most is in use in program @p: 'x' 4096; take a smaller batch, more micro-batches or more devices}}
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu", memory = 4096 : i64}, {kind = "cpu", memory = 8192 : i64}]},
                         {name = "n1", devices = [{kind = "cpu", memory = 8191 : i64}, {kind = "cpu", memory = 8191 : i64}]}]}} {
  of.dataset @d samples 64 fields [{}]
  of.variable @w : !t "parameter"
  task.program @p "train" micros 1 {
    %x = task.register "x" slots 1 : !t
    task.read "read" firings 1 @d to(%x : !t)
  }
}

// -----

#mesh = #of.mesh<"main", [d = 1], [0]>
!t = tensor<4x4xf32, #of.dist<#mesh, [B]>>

// expected-error @+1 {{the module has no dictionary 'of.cluster'; import a job, or add the attribute}}
module {
  of.variable @w : !t "parameter"
}
