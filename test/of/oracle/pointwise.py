"""Pointwise ops."""
import torch

from cases import bools, case, integers, positive, reals

S = (5, 3, 4)

UNARY = {
    "neg": (torch.neg, reals(*S)), "abs": (torch.abs, reals(*S)), "sign": (torch.sign, reals(*S)),
    "exp": (torch.exp, reals(*S)), "log": (torch.log, positive(*S)), "sqrt": (torch.sqrt, positive(*S)),
    "rsqrt": (torch.rsqrt, positive(*S)), "tanh": (torch.tanh, reals(*S)), "erf": (torch.erf, reals(*S)),
    "sin": (torch.sin, reals(*S)), "cos": (torch.cos, reals(*S)),
    "atan": (torch.atan, reals(*S)),
    "floor": (torch.floor, reals(*S, kinks=range(-4, 5))), "ceil": (torch.ceil, reals(*S, kinks=range(-4, 5))),
    "round": (torch.round, reals(*S, kinks=[i + 0.5 for i in range(-4, 4)])),
    "relu": (torch.relu, reals(*S)), "sigmoid": (torch.sigmoid, reals(*S)),
    "stop_gradient": (lambda x: x.detach(), reals(*S)), "copy": (lambda x: x + 0, reals(*S)),
}
for op, (function, x) in UNARY.items():
    # A stopped gradient is no derivative; finite differences would find the one that is stopped.
    case(op, "of.%s %%0" % op, [x], function, differentiable=op != "stop_gradient")
case("stopped", "%t = of.stop_gradient %0 : ({0}) -> {0}\n %r0 = of.mul %t, %1 : ({0}, {1}) -> {r0}",
     [reals(4, 3), reals(4, 3)], lambda x, y: x.detach() * y, differentiable="oracle")
case("not", "of.not %0", [bools(*S)], torch.logical_not, differentiable="none")
case("not integers", "of.not %0", [integers(-9, 9, *S)], torch.bitwise_not, differentiable="none")

BINARY = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div,
    "max": torch.maximum, "min": torch.minimum,
}
for op, function in BINARY.items():
    case(op, "of.%s %%0, %%1" % op, [reals(*S), positive(*S)], function)
    case(op + " broadcast", "of.%s %%0, %%1" % op, [reals(3, 1), positive(5, 3, 4)], function)
    case(op + " integers", "of.%s %%0, %%1" % op, [integers(-9, 9, *S), integers(1, 9, *S)],
         {"div": lambda x, y: torch.div(x, y, rounding_mode="trunc")}.get(op, function), differentiable=False)
case("mul same", "of.mul %0, %0", [reals(*S)], lambda x: x * x)
case("max ties", "of.max %0, %1", [torch.ones(3, 4).double(), torch.ones(3, 4).double()], torch.maximum,
     differentiable="oracle")
case("pow", "of.pow %0, %1", [positive(*S), reals(*S)], torch.pow)
for n in (3, -2, 2.5):
    case("pow %s" % n, "%%c = of.constant %s : f64 : tensor<f64>\n %%r0 = of.pow %%0, %%c : ({0}, tensor<f64>) -> {r0}" % float(n),
         [positive(*S)], lambda x, n=n: x ** n)
for op in ("eq", "ne", "lt", "le", "gt", "ge"):
    case("compare " + op, "of.compare \"%s\" %%0, %%1" % op, [integers(0, 3, *S).double(), integers(0, 3, 3, 4).double()],
         getattr(torch, op), differentiable="none")
    case("compare integers " + op, "of.compare \"%s\" %%0, %%1" % op, [integers(-2, 2, *S), integers(-2, 2, *S)],
         getattr(torch, op), differentiable="none")
case("select", "of.select %0, %1, %2", [bools(*S), reals(*S), reals(3, 4)], torch.where)
case("cast", "of.cast %0 to f64", [integers(-5, 5, *S)], lambda x: x.double(), differentiable=False)
case("cast float", "of.cast %0 to f64", [reals(*S)], lambda x: x.double())
case("cast to integer", "of.cast %0 to i64", [reals(*S, kinks=range(-4, 5))], lambda x: x.long(), differentiable=False)
case("constant", "of.constant 0.5 : f64", [], lambda: torch.full(S, 0.5).double(), differentiable="none")
case("iota 0", "of.iota 0", [], lambda: torch.arange(5)[:, None].expand(5, 4), differentiable="none")
case("iota 1", "of.iota 1", [], lambda: torch.arange(4).double().expand(5, 4), differentiable="none")
case("expand", "of.expand %0, %1", [reals(3, 1), reals(*S)], lambda x, like: x.expand(like.shape) + 0 * like.detach())
case("accumulate first", "of.accumulate %0, %1", [reals(*S), reals(*S)], lambda s, v: v, differentiable=False)
case("accumulate", "of.accumulate %0, %1", [reals(*S), reals(*S)], torch.add, differentiable=False, micro=1)
example = torch.zeros(5, 7).double()
for op in ("random_uniform", "random_normal"):
    case(op, "of.%s %%0 seed 7 id 3" % op, [integers(0, 9)], results=[example], differentiable=False)
    case(op + " over micro-batches", "of.%s %%0 seed 7 id 3 per_micro" % op, [integers(0, 9)], results=[example],
         differentiable=False, micro=2)
