// Activations beyond relu, sigmoid and tanh: pointwise, or short programs of pointwise ops.
#ifndef OF_ACTIVATION_TD
#define OF_ACTIVATION_TD

include "dialects/Of/Pointwise.td"

// Computed at a point by itself, with a gradient of its own.
class Of_ActivationOp<string mnemonic, string text, dag attributes = (ins)> : Of_UnaryOp<mnemonic, text> {
  let arguments = !con((ins AnyRankedTensor:$input), attributes);
}
class Of_ExponentialOp<string mnemonic, string text, int functions, dag attributes = (ins)> : Of_FunctionOp<mnemonic, text, functions> {
  let arguments = !con((ins AnyRankedTensor:$input), attributes);
}

// Written with other ops.
class Of_ComposedOp<string mnemonic, string text, dag attributes = (ins), list<Trait> traits = []> : Of_TensorOp<mnemonic, !listconcat(traits, [
    DeclareOpInterfaceMethods<DecomposableOpInterface>])> {
  let summary = text;
  let arguments = !con((ins AnyRankedTensor:$input), attributes);
  let results = (outs AnyRankedTensor:$result);
}

// Written with other ops, but for its gradient: that needs x and none of what lies between x and the result.
class Of_ComposedActivationOp<string mnemonic, string text, dag attributes = (ins)> : Of_ComposedOp<mnemonic, text, attributes,
    [DeclareOpInterfaceMethods<DifferentiableOpInterface>]>;

def Of_ReciprocalOp : Of_ActivationOp<"reciprocal", "1 / x">;
def Of_LeakyReluOp : Of_ActivationOp<"leaky_relu", "x, or alpha x where x <= 0", (ins DefaultValuedAttr<F64Attr, "0.01">:$alpha)>;
def Of_EluOp : Of_ExponentialOp<"elu", "x, or alpha (e^x - 1) where x <= 0", 1, (ins DefaultValuedAttr<F64Attr, "1.0">:$alpha)>;
def Of_SoftplusOp : Of_ExponentialOp<"softplus", "log(1 + e^x)", 2>;
def Of_ClipOp : Of_ActivationOp<"clip", "x between min and max, where given; the gradient passes where min <= x <= max",
    (ins OptionalAttr<F64Attr>:$min, OptionalAttr<F64Attr>:$max)> {
  let hasVerifier = 1;
}

def Of_SquareOp : Of_ComposedOp<"square", "x x">;
def Of_TanOp : Of_ComposedOp<"tan", "tangent">;
def Of_SiluOp : Of_ComposedActivationOp<"silu", "x sigmoid(x)">;
def Of_GeluOp : Of_ComposedActivationOp<"gelu", "x times the normal distribution function of x", (ins DefaultValuedStrAttr<StrAttr, "none">:$approximate)> {
  let description = [{ `approximate` "none": x / 2 (1 + erf(x / sqrt 2)). "tanh": x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). }];
  let hasVerifier = 1;
}
def Of_SeluOp : Of_ComposedOp<"selu", "gamma elu(x), Klambauer et al. 2017", (ins DefaultValuedAttr<F64Attr, "1.6732632423543772">:$alpha,
    DefaultValuedAttr<F64Attr, "1.0507009873554805">:$gamma)>;
def Of_MishOp : Of_ComposedOp<"mish", "x tanh(softplus(x))">;
def Of_HardSigmoidOp : Of_ComposedOp<"hard_sigmoid", "alpha x + beta between 0 and 1", (ins DefaultValuedAttr<F64Attr, "0.16666666666666666">:$alpha,
    DefaultValuedAttr<F64Attr, "0.5">:$beta)>;
def Of_HardSwishOp : Of_ComposedOp<"hard_swish", "x (x + 3 between 0 and 6) / 6">;

#endif
