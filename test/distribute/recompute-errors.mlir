// RUN: of-opt --of-recompute --split-input-file --verify-diagnostics %s

// expected-error @+1 {{has of.recompute for 1 groups of forward ops, but 0 of them}}
of.program @train train attributes {of.recompute = array<i64: 1>} {
}

// -----

// expected-error @+1 {{has the level 4 in of.recompute; levels are 0 to 3}}
of.program @train train attributes {of.recompute = array<i64: 4>} {
  of.micro count 1 {
    %x = of.read @d : tensor<4xf32>
    %y = of.tanh %x {of.block = 0 : i64} : (tensor<4xf32>) -> tensor<4xf32>
    of.yield
  }
}
