// RUN: of-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{mesh 'm': axes span 4 points but 3 devices are listed}}
#mesh = #of.mesh<"m", [data = 4], [0, 1, 2]>

// -----

// expected-error @+1 {{mesh 'm': axis "data" has size 0; sizes are at least 1}}
#mesh = #of.mesh<"m", [data = 0], []>

// -----

// expected-error @+1 {{mesh 'm': axis name "data" is used twice}}
#mesh = #of.mesh<"m", [data = 1, data = 1], [0]>

// -----

// expected-error @+1 {{mesh 'm': device 3 is negative or listed twice}}
#mesh = #of.mesh<"m", [data = 2], [3, 3]>

// -----

// expected-error @+1 {{mesh 'm': device -1 is negative or listed twice}}
#mesh = #of.mesh<"m", [data = 1], [-1]>

// -----

#mesh = #of.mesh<"m", [data = 2], [0, 1]>
// expected-error @+1 {{distribution [B, B] has 2 entries for the 1 axes of mesh 'm'}}
func.func private @f(tensor<4xf32, #of.dist<#mesh, [B, B]>>)

// -----

#mesh = #of.mesh<"m", [data = 2], [0, 1]>
// expected-error @+1 {{S(1) splits dim 1 of a tensor of rank 1}}
func.func private @f(tensor<4xf32, #of.dist<#mesh, [S(1)]>>)

// -----

#mesh = #of.mesh<"m", [data = 2], [0, 1]>
// expected-error @+1 {{P: a bool tensor cannot be partial; make it S or B}}
func.func private @f(tensor<4xi1, #of.dist<#mesh, [P]>>)

// -----

#mesh = #of.mesh<"m", [data = 2], [0, 1]>
// expected-error @+1 {{S(300): the dim is out of range}}
func.func private @f(tensor<4xf32, #of.dist<#mesh, [S(300)]>>)

// -----

#mesh = #of.mesh<"m", [data = 2], [0, 1]>
// expected-error @+1 {{P(sum): partial values are P, P(max) or P(min)}}
func.func private @f(tensor<4xf32, #of.dist<#mesh, [P(sum)]>>)

// -----

#mesh = #of.mesh<"m", [data = 2], [0, 1]>
// expected-error @+1 {{'R' is no SBP: use S(dim), B, P, P(max) or P(min)}}
func.func private @f(tensor<4xf32, #of.dist<#mesh, [R]>>)

// -----

// expected-error @+1 {{'he' is no initialiser: use constant, normal, uniform, xavier_uniform}}
func.func private @f() attributes {init = #of.init<he>}

// -----

// expected-error @+1 {{initialiser constant takes at most 1 values}}
func.func private @f() attributes {init = #of.init<constant, 1.0, 2.0>}

// -----

// expected-error @+1 {{initialiser normal takes at most 2 values}}
func.func private @f() attributes {init = #of.init<normal, 1.0, 2.0, 3.0>}
