"""How cases of the operator oracle are written.

A case is a short function of `of` ops and the same function in PyTorch. Running it gives inputs, results
and gradients of sum(results * seeds), which the C++ test compares with what the ops compute. A case
without a PyTorch function is compared with finite differences alone.
"""
import importlib
import json
import re
import sys

import torch

CASES = []
RANDOM = torch.Generator()
NAMES = {torch.float64: "f64", torch.bool: "i1", torch.int64: "i64", torch.int32: "i32"}


def reals(*shape, kinks=(0.0,)):
    """Normal values that keep their distance from `kinks`, where a function has no derivative."""
    x = torch.randn(*shape, generator=RANDOM, dtype=torch.float64)
    for kink in kinks:
        x = torch.where((x - kink).abs() < 0.02, x + 0.05, x)
    return x


def positive(*shape):
    return torch.rand(*shape, generator=RANDOM, dtype=torch.float64) * 1.5 + 0.5


def distinct(*shape):
    """All values apart, so that the largest one is so by a margin."""
    count = torch.Size(shape).numel()
    order = torch.randperm(count, generator=RANDOM)
    return (order.double() * (4.0 / count) - 2.011).reshape(shape)


def integers(low, high, *shape, dtype=torch.int64):
    return torch.randint(low, high, shape, generator=RANDOM, dtype=dtype)


def bools(*shape):
    return integers(0, 2, *shape).bool()


def type_of(tensor):
    return "tensor<%s>" % "x".join([str(d) for d in tensor.shape] + [NAMES[tensor.dtype]])


def array(values):
    return "array<i64: %s>" % ", ".join(map(str, values))


def channels_last(x):
    return x.permute(0, 2, 3, 1)


def channels_first(x):
    return x.permute(0, 3, 1, 2)


def case(name, body, arguments, function=None, results=None, differentiable=True, micro=0):
    """`body`: an op of the arguments %0, %1, ... without its types, or lines that define %r0, %r1, ...
    with the types of arguments and results as {0}, {1}, ... and {r0}, {r1}, ...
    `differentiable`: "oracle" where the gradient is a convention that finite differences do not see,
    "none" where the op has no floats to differentiate.
    `results`: example tensors of the results' types where there is no function."""
    CASES.append((name, body, arguments, function, results, differentiable, micro))


def text_of(body, arguments, results):
    types = {str(i): type_of(a) for i, a in enumerate(arguments)}
    types.update({"r%d" % i: type_of(r) for i, r in enumerate(results)})
    outs = ", ".join(type_of(r) for r in results)
    if "{r0}" not in body:
        used = re.findall(r"%(\d+)", body)
        name = "%r:" + str(len(results)) if len(results) > 1 else "%r0"
        ins = ", ".join(types[u] for u in used)
        body = "%s = %s : (%s) -> (%s)" % (name, body, ins, outs) if used else \
               "%s = %s : %s" % (name, body, outs)
        returned = ["%%r#%d" % i for i in range(len(results))] if len(results) > 1 else ["%r0"]
    else:
        for key, value in types.items():
            body = body.replace("{%s}" % key, value)
        returned = ["%%r%d" % i for i in range(len(results))]
    body = re.sub(r"%(\d)", r"%a\1", body)
    parameters = ", ".join("%%a%d: %s" % (i, type_of(a)) for i, a in enumerate(arguments))
    return "func.func @f(%s) -> (%s) {\n  %s\n  return %s : %s\n}" % (
        parameters, outs, body, ", ".join(returned), outs)


def flat(tensor):
    return {"shape": list(tensor.shape), "values": tensor.detach().double().reshape(-1).tolist()}


def evaluate(arguments, function, results, differentiable, micro=0):
    """What a case has besides its name and text."""
    inputs = [a.clone().requires_grad_(a.dtype == torch.float64) for a in arguments]
    known = function is not None
    if known:
        results = function(*inputs)
        results = [results] if isinstance(results, torch.Tensor) else list(results)
    seeds = [torch.randn(r.shape, generator=RANDOM, dtype=torch.float64)
             for r in results if r.dtype == torch.float64]
    gradients = []
    if known and differentiable in (True, "oracle"):
        loss = sum((r * s).sum() for r, s in zip((r for r in results if r.dtype == torch.float64), seeds))
        floats = [i for i in inputs if i.requires_grad]
        found = iter(torch.autograd.grad(loss, floats, allow_unused=True) if loss.requires_grad
                     else [None] * len(floats))
        for i in inputs:
            gradient = next(found) if i.requires_grad else None
            gradients.append(flat(torch.zeros_like(i) if gradient is None else gradient)
                             if i.requires_grad else {"shape": [], "values": []})
    return results, {
        "known": known, "differentiable": differentiable in (True, "oracle"), "settled": bool(differentiable),
        "smooth": differentiable is True, "micro": micro, "arguments": [flat(a) for a in arguments],
        "seeds": [flat(s) for s in seeds], "results": [flat(r) for r in results] if known else [],
        "gradients": gradients}


def write(run, entries):
    """oracle.py <seed> <output> <family>...: writes what `run` makes of the entries that the families add."""
    torch.set_num_threads(1)
    RANDOM.manual_seed(int(sys.argv[1]))
    for family in sys.argv[3:]:
        importlib.import_module(family)
    with open(sys.argv[2], "w") as out:
        json.dump([run(entry) for entry in entries], out)


def run(entry):
    name, body, arguments, function, results, differentiable, micro = entry
    results, values = evaluate(arguments, function, results, differentiable, micro)
    return {"name": name, "text": text_of(body, arguments, results), **values}
