// RUN: of-opt --of-fuse-kernels %s --split-input-file --verify-diagnostics

#mesh = #of.mesh<"main", [d = 1], [0]>

// An op of the model that should have been decomposed before.
of.program @train train {
  %x = of.read @d : tensor<8x4xf32, #of.dist<#mesh, [B]>>
  // expected-error @+1 {{'of.softmax' op has no kernel: it is neither fusable nor done by a library nor brings its own code}}
  %s = of.softmax %x : (tensor<8x4xf32, #of.dist<#mesh, [B]>>) -> tensor<8x4xf32, #of.dist<#mesh, [B]>>
  of.check_finite %s, "s" : tensor<8x4xf32, #of.dist<#mesh, [B]>>
}
