// RUN: of-opt %s | of-opt | FileCheck %s

// Meshes are printed once, as an alias; a distribution holds one SBP per axis.

#grid = #of.mesh<"grid", [data = 2, model = 3], [0, 1, 2, 3, 4, 5]>
#one = #of.mesh<"one", [data = 1], [7]>
// CHECK-DAG: #mesh_grid = #of.mesh<"grid", [data = 2, model = 3], [0, 1, 2, 3, 4, 5]>
// An axis name that is no word stands in quotes.
// CHECK-DAG: #mesh_odd = #of.mesh<"odd", ["data axis" = 1], [0]>
// CHECK-DAG: #mesh_one = #of.mesh<"one", [data = 1], [7]>

// CHECK-LABEL: func.func private @distributions
// CHECK-SAME: tensor<8x4xf32, #of.dist<#mesh_grid, [S(0), S(1)]>>
// CHECK-SAME: tensor<8x4xf32, #of.dist<#mesh_grid, [S(0), S(0)]>>
// CHECK-SAME: tensor<8x4xi32, #of.dist<#mesh_grid, [P, B]>>
// CHECK-SAME: tensor<f64, #of.dist<#mesh_grid, [P(max), P(min)]>>
// CHECK-SAME: tensor<4xi1, #of.dist<#mesh_one, [B]>>
func.func private @distributions(
  tensor<8x4xf32, #of.dist<#grid, [S(0), S(1)]>>,
  tensor<8x4xf32, #of.dist<#grid, [S(0), S(0)]>>,
  tensor<8x4xi32, #of.dist<#grid, [P, B]>>,
  tensor<f64, #of.dist<#grid, [P(max), P(min)]>>,
  tensor<4xi1, #of.dist<#one, [B]>>)

// CHECK-LABEL: func.func private @mesh
// CHECK-SAME: mesh = #mesh_odd
func.func private @mesh() attributes {mesh = #of.mesh<"odd", ["data axis" = 1], [0]>}

// CHECK-LABEL: func.func private @initialisers
// CHECK-SAME: a = #of.init<constant, 0.000000e+00>
// CHECK-SAME: b = #of.init<normal, 1.000000e-01, 2.000000e-02>
// CHECK-SAME: c = #of.init<uniform, -1.000000e+00, 1.000000e+00>
// CHECK-SAME: d = #of.init<xavier_uniform>
// CHECK-SAME: e = #of.init<xavier_normal, 2.000000e+00>
// CHECK-SAME: f = #of.init<kaiming_uniform>
// CHECK-SAME: g = #of.init<kaiming_normal>
func.func private @initialisers() attributes {
  a = #of.init<constant, 0.0>, b = #of.init<normal, 0.1, 0.02>, c = #of.init<uniform, -1.0, 1.0>,
  d = #of.init<xavier_uniform>, e = #of.init<xavier_normal, 2.0>, f = #of.init<kaiming_uniform>,
  g = #of.init<kaiming_normal>}
