// RUN: of-opt --of-plan-boxing %s | FileCheck %s
// What is planned stays as it is.
// RUN: of-opt --of-plan-boxing %s | of-opt --of-plan-boxing --of-verify-distributed | FileCheck %s

#mesh = #of.mesh<"main", [data = 4], [0, 1, 2, 3]>
#left = #of.mesh<"left", [data = 2], [0, 1]>
#right = #of.mesh<"right", [data = 2], [2, 3]>
module attributes {
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]},
                         {name = "n2", devices = [{kind = "cpu"}]}, {name = "n3", devices = [{kind = "cpu"}]}]}} {
  of.program @eval eval {
    // A large sum goes by way of a split: half the bytes.
    // CHECK: %[[W:.*]] = of.get @w
    // CHECK: %[[BIG:.*]] = of.matmul
    // CHECK-NEXT: %[[PARTS:.*]] = of.boxing %[[BIG]] : {{.*}}[P]>> to tensor<1024x1024xf32, {{.*}}[S(0)]>>
    // CHECK-NEXT: %[[SUM:.*]] = of.boxing %[[PARTS]] : {{.*}}[S(0)]>> to tensor<1024x1024xf32, {{.*}}[B]>>
    // CHECK-NEXT: of.relu %[[SUM]]
    %w = of.get @w : tensor<1024x1024xf32, #of.dist<#mesh, [B]>>
    %x = of.read @d : tensor<8x1024xf32, #of.dist<#mesh, [S(0)]>>
    %big = of.matmul %x, %x transpose_lhs : (tensor<8x1024xf32, #of.dist<#mesh, [S(0)]>>, tensor<8x1024xf32, #of.dist<#mesh, [S(0)]>>) -> tensor<1024x1024xf32, #of.dist<#mesh, [P]>>
    %sum = of.boxing %big : tensor<1024x1024xf32, #of.dist<#mesh, [P]>> to tensor<1024x1024xf32, #of.dist<#mesh, [B]>>
    %r = of.relu %sum : (tensor<1024x1024xf32, #of.dist<#mesh, [B]>>) -> tensor<1024x1024xf32, #of.dist<#mesh, [B]>>

    // A scalar goes directly: bytes are nothing, latency counts.
    // CHECK: %[[SMALL:.*]] = of.reduce_sum
    // CHECK-NEXT: %[[WHOLE:.*]] = of.boxing %[[SMALL]] : {{.*}}[P]>> to tensor<f32, {{.*}}[B]>>
    // CHECK-NEXT: of.metric ["loss"], %[[WHOLE]]
    %small = of.reduce_sum %x dims [0, 1] : (tensor<8x1024xf32, #of.dist<#mesh, [S(0)]>>) -> tensor<f32, #of.dist<#mesh, [P]>>
    %whole = of.boxing %small : tensor<f32, #of.dist<#mesh, [P]>> to tensor<f32, #of.dist<#mesh, [B]>>
    of.metric ["loss"], %whole : tensor<f32, #of.dist<#mesh, [B]>>

    // From mesh to mesh a sum is reduced in parts, sent, and put together.
    // CHECK: %[[L:.*]] = of.read
    // CHECK: %[[P:.*]] = of.matmul %[[L]]
    // CHECK-NEXT: %[[P1:.*]] = of.boxing %[[P]] : {{.*}}<#mesh_left, [P]>> to {{.*}}<#mesh_{{left|right}}, [S({{[01]}})]>>
    // CHECK-NEXT: %[[P2:.*]] = of.boxing %[[P1]] : {{.*}} to tensor<1024x1024xf32, #of.dist<#mesh_right, [B]>>
    // CHECK-NEXT: of.relu %[[P2]]
    %l = of.read @d : tensor<8x1024xf32, #of.dist<#left, [S(0)]>>
    %p = of.matmul %l, %l transpose_lhs : (tensor<8x1024xf32, #of.dist<#left, [S(0)]>>, tensor<8x1024xf32, #of.dist<#left, [S(0)]>>) -> tensor<1024x1024xf32, #of.dist<#left, [P]>>
    %q = of.boxing %p : tensor<1024x1024xf32, #of.dist<#left, [P]>> to tensor<1024x1024xf32, #of.dist<#right, [B]>>
    %s = of.relu %q : (tensor<1024x1024xf32, #of.dist<#right, [B]>>) -> tensor<1024x1024xf32, #of.dist<#right, [B]>>
  }
  of.variable @w : tensor<1024x1024xf32, #of.dist<#mesh, [B]>> "parameter"
}
