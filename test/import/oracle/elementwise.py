"""Elementwise ops, comparison and logic."""
import torch
import torch.nn.functional as F

from cases import bools, distinct, integers, positive, reals
from graphs import case

S = (3, 4, 5)
WHOLE = range(-4, 5)


def inner(*shape):
    """Between -0.9 and 0.9."""
    return 0.9 * torch.tanh(reals(*shape))


for op, function, x in [
        ("Abs", torch.abs, reals(*S)), ("Acos", torch.acos, inner(*S)), ("Asin", torch.asin, inner(*S)),
        ("Atan", torch.atan, reals(*S)), ("Acosh", torch.acosh, positive(*S) + 1), ("Asinh", torch.asinh, reals(*S)),
        ("Atanh", torch.atanh, inner(*S)), ("Ceil", torch.ceil, reals(*S, kinks=WHOLE)), ("Cos", torch.cos, reals(*S)),
        ("Cosh", torch.cosh, reals(*S)), ("Erf", torch.erf, reals(*S)), ("Exp", torch.exp, reals(*S)),
        ("Floor", torch.floor, reals(*S, kinks=WHOLE)), ("HardSwish", F.hardswish, reals(*S, kinks=(-3, 3))),
        ("Identity", lambda x: x + 0, reals(*S)), ("Log", torch.log, positive(*S)), ("Neg", torch.neg, reals(*S)),
        ("Reciprocal", torch.reciprocal, positive(*S)), ("Relu", torch.relu, reals(*S)),
        ("Round", torch.round, reals(*S, kinks=[i + 0.5 for i in WHOLE])), ("Selu", F.selu, reals(*S)),
        ("Sigmoid", torch.sigmoid, reals(*S)), ("Sign", torch.sign, reals(*S)), ("Sin", torch.sin, reals(*S)),
        ("Sinh", torch.sinh, reals(*S)), ("Softplus", F.softplus, reals(*S)), ("Softsign", F.softsign, reals(*S)),
        ("Sqrt", torch.sqrt, positive(*S)), ("Tan", torch.tan, inner(*S)), ("Tanh", torch.tanh, reals(*S))]:
    case(f"{op} a -> y", [x], function)
case("Mish a -> y", [reals(*S)], F.mish, opset=18)
case("Gelu a -> y", [reals(*S)], F.gelu, opset=20)
case("Gelu a -> y approximate=s:tanh", [reals(*S)], lambda x: F.gelu(x, approximate="tanh"), opset=20, what="tanh")
case("Celu a -> y alpha=0.7", [reals(*S)], lambda x: F.celu(x, 0.7))
case("Elu a -> y alpha=0.7", [reals(*S)], lambda x: F.elu(x, 0.7))
case("LeakyRelu a -> y alpha=0.3", [reals(*S)], lambda x: F.leaky_relu(x, 0.3))
case("HardSigmoid a -> y alpha=0.25 beta=0.5", [reals(*S, kinks=(-2, 2))], lambda x: (0.25 * x + 0.5).clamp(0, 1))
case("ThresholdedRelu a -> y alpha=0.5", [reals(*S, kinks=(0.5,))], lambda x: F.threshold(x, 0.5, 0))
case("Shrink a -> y lambd=0.5", [reals(*S, kinks=(-0.5, 0.5))], lambda x: F.hardshrink(x, 0.5))
case("Shrink a -> y lambd=0.5 bias=0.5", [reals(*S, kinks=(-0.5, 0.5))], lambda x: F.softshrink(x, 0.5), what="soft")
case("PRelu a,b -> y", [reals(3, 4, 5), positive(4, 1)], lambda x, s: torch.where(x < 0, x * s, x))
case("Dropout a,ratio -> y", [reals(*S)], lambda x: x + 0, ratio=torch.tensor(0.0))

for op, function in [("Add", torch.add), ("Div", torch.div), ("Mul", torch.mul), ("Sub", torch.sub)]:
    case(f"{op} a,b -> y", [reals(*S), positive(4, 1)], function)
for op, function in [("Max", torch.maximum), ("Min", torch.minimum)]:
    case(f"{op} a,b,c -> y", [distinct(*S), reals(*S), reals(4, 5)],
         lambda x, y, z, f=function: f(f(x, y), z))
case("Sum a,b,c -> y", [reals(*S), reals(4, 5), reals(5)], lambda x, y, z: x + y + z)
case("Mean a,b,c -> y", [reals(*S), reals(4, 5), reals(5)], lambda x, y, z: (x + y + z) / 3)
case("Pow a,b -> y", [positive(*S), reals(4, 5)], torch.pow)
for exponent in (2.0, 3.0, 0.5, -1.0, 1.7):
    case("Pow a,e -> y", [positive(*S)], lambda x, e=exponent: x ** e, what=str(exponent),
         e=torch.tensor(exponent, dtype=torch.float64))
case("Mod a,b -> y fmod=1", [reals(*S), positive(4, 5)], torch.fmod)
case("Mod a,b -> y", [integers(-9, 9, *S), integers(1, 5, 4, 5)], torch.remainder, gradient=False, what="integers")
case("Clip a,low,high -> y", [reals(*S, kinks=(-0.5, 0.8))], lambda x: x.clamp(-0.5, 0.8),
     low=torch.tensor(-0.5, dtype=torch.float64), high=torch.tensor(0.8, dtype=torch.float64))
case("Where a,b,c -> y", [bools(*S), reals(*S), reals(5)], torch.where)
case("Cast a -> t to=1 | Cast t -> y to=11", [reals(*S).float().double()], lambda x: x.float().double())
case("CastLike a,b -> y", [reals(*S), reals(2)], lambda x, like: x + 0)

for op, function in [("Equal", torch.eq), ("Greater", torch.gt), ("GreaterOrEqual", torch.ge), ("Less", torch.lt),
                     ("LessOrEqual", torch.le)]:
    case(f"{op} a,b -> y", [integers(0, 3, *S).double(), integers(0, 3, 4, 5).double()], function, gradient=False)
for op, function in [("And", torch.logical_and), ("Or", torch.logical_or), ("Xor", torch.logical_xor)]:
    case(f"{op} a,b -> y", [bools(*S), bools(4, 5)], function, gradient=False)
case("Not a -> y", [bools(*S)], torch.logical_not, gradient=False)
for op, function in [("And", torch.bitwise_and), ("Or", torch.bitwise_or), ("Xor", torch.bitwise_xor)]:
    case(f"Bitwise{op} a,b -> y", [integers(-99, 99, *S), integers(-99, 99, 4, 5)], function, opset=18, gradient=False)
case("BitwiseNot a -> y", [integers(-99, 99, *S)], torch.bitwise_not, opset=18, gradient=False)
for direction in ("LEFT", "RIGHT"):
    case(f"BitShift a,b -> y direction=s:{direction}", [integers(0, 256, *S, dtype=torch.uint8),
                                                        integers(0, 8, 4, 5, dtype=torch.uint8)],
         lambda x, n, d=direction: ((x.long() << n.long()) & 255 if d == "LEFT" else x.long() >> n.long()).byte(),
         gradient=False, what=direction)
odd, below = torch.tensor([0.5, 1, -1, 0, -2]).double(), torch.tensor([1.0, 0, 0, 0, 3], dtype=torch.float64)
case("Div a,below -> t | IsInf t -> y", [odd], lambda x: torch.isinf(x / below), gradient=False, below=below)
case("Div a,below -> t | IsNaN t -> y", [odd], lambda x: torch.isnan(x / below), gradient=False, below=below)
