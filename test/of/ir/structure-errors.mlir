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

// expected-error @+1 {{custom op 'of.program' expected string or keyword containing one of the following enum values for attribute 'kind' [init, train, eval, snapshot, infer]}}
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

// -----

// expected-error @+1 {{'of.variable' op has type 'tensor<?xf32>'; a variable is a tensor of fixed shape}}
of.variable @w : tensor<?xf32> "parameter"

// -----

// expected-error @+1 {{'of.variable' op has role "weight"; it may be "parameter", "state", "buffer" or "counter"}}
of.variable @w : tensor<4xf32> "weight"

// -----

// expected-error @+1 {{'of.dataset' op has 0 samples; it needs at least one}}
of.dataset @data samples 0 fields []

// -----

// expected-error @+1 {{'of.parameter' op has fan "out_in"; it may be "in_out", for a weight [in, out]}}
%w = of.parameter "w" init(#of.init<constant, 0.0>) {fan = "out_in"} : tensor<4x2xf32>

// -----

of.dataset @w samples 8 fields []
of.program @train train {
  // expected-error @+1 {{'of.get' op names @w, which is no variable}}
  %w = of.get @w : tensor<4xf32>
}

// -----

of.variable @w : tensor<4xf32> "parameter"
of.program @train train {
  // expected-error @+1 {{'of.get' op has type 'tensor<5xf32>', but variable @w is 'tensor<4xf32>'}}
  %w = of.get @w : tensor<5xf32>
}

// -----

of.variable @w : tensor<4xf32> "parameter"
of.program @train train {
  %c = of.constant 1.0 : f64 : tensor<4xf64>
  // expected-error @+1 {{'of.set' op has type 'tensor<4xf64>', but variable @w is 'tensor<4xf32>'}}
  of.set @w, %c : tensor<4xf64>
}

// -----

of.dataset @data samples 8 fields [{name = "x"}] mask
of.program @eval eval {
  // expected-error @+1 {{'of.read' op has 1 results, but dataset @data gives 2: one per field, and the mask if it has one}}
  %x = of.read @data : tensor<4xf32>
}

// -----

of.variable @data : tensor<4xf32> "state"
of.program @train train {
  // expected-error @+1 {{'of.read' op names @data, which is no dataset}}
  %x = of.read @data : tensor<4xf32>
}

// -----

of.variable @w : tensor<4xf32> "parameter"
of.loop 1 {
  // expected-error @+1 {{'of.run' op names @w, which is no program}}
  of.run @w count 1
}

// -----

of.program @train train {
}
of.loop 1 {
  // expected-error @+1 {{'of.run' op has count 0; leave it out instead}}
  of.run @train count 0
}

// -----

// expected-error @+1 {{'of.loop' op has count 0; leave it out instead}}
of.loop 0 {
}

// -----

of.program @train train {
  %c = of.constant 1.0 : f32 : tensor<f32>
  // expected-error @+1 {{'of.metric' op has 2 names for 1 values}}
  of.metric ["loss", "lr"], %c : tensor<f32>
}

// -----

of.program @train train {
  %c = of.constant 1.0 : f32 : tensor<4xf32>
  // expected-error @+1 {{'of.metric' op has a value of type 'tensor<4xf32>'; metrics are scalars}}
  of.metric ["loss"], %c : tensor<4xf32>
}

// -----

of.program @p infer {
  %c = of.constant 1.0 : f32 : tensor<f32>
  // expected-error @+1 {{'of.output' op has a value of type 'tensor<f32>'; an output has a row per sample}}
  of.output "y", %c : tensor<f32>
}

// -----

of.dataset @d samples 4 fields []
of.program @init init {
  // expected-error @+1 {{'of.load' op names @d, which is no variable}}
  of.load @d
}
