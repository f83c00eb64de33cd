// RUN: of-opt --of-plan-boxing --split-input-file --verify-diagnostics %s

#mesh = #of.mesh<"main", [data = 2], [3, 4]>
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]},
                         {name = "n2", devices = [{kind = "cpu"}]}, {name = "n3", devices = [{kind = "cpu"}]}]}} {
  of.program @eval eval {
    %x = of.read @d : tensor<8xf32, #of.dist<#mesh, [S(0)]>>
    // expected-error @+1 {{'of.boxing' op lies on device 4, but the cluster has 4 devices}}
    %y = of.boxing %x : tensor<8xf32, #of.dist<#mesh, [S(0)]>> to tensor<8xf32, #of.dist<#mesh, [B]>>
  }
}

// -----

// expected-error @+1 {{the module has no dictionary 'of.cluster'}}
module {
}
