"""Activations and logic."""
import torch
import torch.nn.functional as F

from cases import bools, case, integers, reals

S = (5, 3, 4)

for op, attributes, function, kinks in [
        ("reciprocal", "", torch.reciprocal, ()),
        ("leaky_relu", "", F.leaky_relu, (0,)),
        ("leaky_relu", " {alpha = 0.3 : f64}", lambda x: F.leaky_relu(x, 0.3), (0,)),
        ("elu", "", F.elu, (0,)),
        ("elu", " {alpha = 0.7 : f64}", lambda x: F.elu(x, 0.7), (0,)),
        ("softplus", "", lambda x: F.softplus(x, threshold=1e9), ()),
        ("clip", " {min = -0.5 : f64, max = 0.8 : f64}", lambda x: x.clamp(-0.5, 0.8), (-0.5, 0.8)),
        ("clip", " {max = 0.8 : f64}", lambda x: x.clamp(max=0.8), (0.8,)),
        ("clip", " {min = -0.5 : f64}", lambda x: x.clamp(min=-0.5), (-0.5,)),
        ("square", "", torch.square, ()),
        ("tan", "", torch.tan, ()),
        ("silu", "", F.silu, ()),
        ("gelu", "", F.gelu, ()),
        ("gelu", " {approximate = \"tanh\"}", lambda x: F.gelu(x, approximate="tanh"), ()),
        ("selu", "", F.selu, (0,)),
        ("mish", "", F.mish, ()),
        # PyTorch's own gradient of it has single precision.
        ("hard_sigmoid", "", lambda x: (x / 6 + 0.5).clamp(0, 1), (-3, 3)),
        ("hard_sigmoid", " {alpha = 0.4 : f64, beta = 0.3 : f64}", lambda x: (0.4 * x + 0.3).clamp(0, 1), (-0.75, 1.75)),
        ("hard_swish", "", F.hardswish, (-3, 3))]:
    x = reals(*S, kinks=kinks)
    if op in ("reciprocal", "tan"):
        x = x.clamp(-1.3, 1.3) + torch.where(x.abs() < 0.2, 0.5, 0.0).double() * x.sign()
    elif op.startswith("hard"):
        x = x * 2.5
    case(op + attributes, "of.%s %%0%s" % (op, attributes), [x], function)
# At a bound the gradient passes, and below 0 the exponential does not overflow.
case("clip at bounds", "of.clip %0 {min = -1.0 : f64, max = 1.0 : f64}", [torch.tensor([-2.0, -1, 0, 1, 2]).double()],
     lambda x: x.clamp(-1, 1), differentiable="oracle")
case("softplus far", "of.softplus %0", [torch.tensor([-800.0, -40, 0, 40, 800]).double()],
     lambda x: torch.logaddexp(x, torch.zeros(1).double()))
for op in ("and", "or", "xor"):
    case(op, "of.%s %%0, %%1" % op, [bools(*S), bools(3, 4)], getattr(torch, "logical_" + op), differentiable="none")
    case(op + " integers", "of.%s %%0, %%1" % op, [integers(-9, 9, *S), integers(-9, 9, 3, 4)],
         getattr(torch, "bitwise_" + op), differentiable="none")
