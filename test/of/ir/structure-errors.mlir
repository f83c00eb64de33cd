// RUN: of-opt %s --split-input-file --verify-diagnostics

of.program @train train {
  // expected-error @+1 {{'of.micro' op has count 0; a step has at least one micro-batch}}
  of.micro count 0 {
  }
}

// -----

of.program @train train {
  // expected-error @+1 {{'of.micro' op has results whose types differ from what its region yields}}
  %sum = of.micro count 2 -> tensor<f32> {
    %c = of.constant 1.0 : f32 : tensor<2xf32>
    of.yield %c : tensor<2xf32>
  }
}

// -----

// expected-error @+1 {{custom op 'of.program' expected string or keyword containing one of the following enum values for attribute 'kind' [init, train, eval, snapshot]}}
of.program @p predict {
}

// -----

// expected-note @+1 {{see existing symbol definition here}}
of.variable @w : tensor<f32> "parameter"
// expected-error @+1 {{redefinition of symbol named 'w'}}
of.variable @w : tensor<f32> "state"

// -----

// Programs share variables and nothing else.
%c = of.constant 1.0 : f32 : tensor<f32>
// expected-note @+1 {{required by region isolation constraints}}
of.program @train train {
  // expected-error @+1 {{'of.check_finite' op using value defined outside the region}}
  of.check_finite %c, "c" : tensor<f32>
}
