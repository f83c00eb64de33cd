// RUN: of-opt %s --canonicalize | FileCheck %s

// A boxing that changes nothing goes away; one that does stays.
#mesh = #of.mesh<"line", [data = 2], [0, 1]>
// CHECK-LABEL: func.func @boxing
func.func @boxing(%x: tensor<8xf32, #of.dist<#mesh, [B]>>) -> (tensor<8xf32, #of.dist<#mesh, [B]>>, tensor<8xf32, #of.dist<#mesh, [S(0)]>>) {
  // CHECK-NOT: to tensor<8xf32, #of.dist<#mesh_line, [B]>>
  %0 = of.boxing %x : tensor<8xf32, #of.dist<#mesh, [B]>> to tensor<8xf32, #of.dist<#mesh, [B]>>
  // CHECK: [[S:%.*]] = of.boxing %arg0
  %1 = of.boxing %0 : tensor<8xf32, #of.dist<#mesh, [B]>> to tensor<8xf32, #of.dist<#mesh, [S(0)]>>
  // CHECK: return %arg0, [[S]]
  return %0, %1 : tensor<8xf32, #of.dist<#mesh, [B]>>, tensor<8xf32, #of.dist<#mesh, [S(0)]>>
}
