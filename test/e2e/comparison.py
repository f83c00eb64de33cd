"""A training run beside its twin in PyTorch: what is compared, and within which bounds.

  first    parameters' change in the first step, against PyTorch's, of its norm: 1e-8 fp64, 1e-3 fp32
  loss     of every step: 1e-8 fp64, 1e-5 fp32
  change   of parameters and running statistics over all steps, of its norm: 1e-6 fp64
"""
import copy
import math
import random

import torch

import kinks
from tensors import read_safetensors
from tools import Failure, checkpoint, losses as losses_in

BOUNDS = {"fp32": (1e-3, 1e-5, math.inf), "fp64": (1e-8, 1e-8, 1e-6)}


def train_module(model, loss, batches, lr):
    """What PyTorch gives for `compare`, by plain SGD: `batches` are inputs and labels, one pair for each step."""
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses, first = [], None
    for inputs, labels in batches:
        optimizer.zero_grad()
        found = loss(model(*inputs), labels)
        found.backward()
        optimizer.step()
        losses.append(found.item())
        first = first or {k: v.detach().clone() for k, v in model.state_dict().items()}
    return losses, first, model.state_dict()


def gradients_of(model, loss, inputs, labels):
    """PyTorch's loss and gradients by name."""
    model.train()
    found = loss(model(*inputs), labels)
    found.backward()
    return found.item(), {name: p.grad.detach().clone() for name, p in model.named_parameters()}


def moved(model, units, seed):
    """A copy of a model whose parameters are moved at random by at most `units` in the last place."""
    near, chance = copy.deepcopy(model), random.Random(seed)
    for p in near.parameters():
        values = p.detach().numpy()
        data = kinks.moved(values.tobytes(), chance, units, values.itemsize)
        p.data = torch.frombuffer(bytearray(data), dtype=p.dtype).reshape(p.shape)
    return near


def compare_gradients(title, base, precision, twin, rounding, near=None):
    """A line of the table, and whether loss and gradients of a run of one step are within bounds.

    `near`: (units, seed) -> PyTorch's gradients for parameters moved so, for models whose gradients jump (kinks.py).

    The run has momentum, whose buffers are the gradients after a step. The parameters would not tell in single
    precision: a norm's scale of 1 with a gradient of 5e-4 moves by 800 units in the last place, so that rounding
    the update alone is an error above 1e-3.
    """
    loss, theirs = twin
    state = read_safetensors(checkpoint(base, 1))
    ours = {name: state.get(name + ".momentum", torch.zeros_like(value)) for name, value in theirs.items()}
    zeros = {name: torch.zeros_like(value, dtype=torch.float64) for name, value in theirs.items()}
    error, where = change_error(zeros, ours, theirs, rounding)
    found, = losses_in(base)
    loss_error = abs(found - loss) / max(1, abs(loss))
    units = None
    if near and error > kinks.BOUND:
        units = kinks.units_away(lambda *how: change_error(zeros, ours, near(*how), rounding)[0])
    good = (error <= BOUNDS[precision][0] or units is not None) and loss_error <= BOUNDS[precision][1]
    jump = f"; at a kink, within {kinks.BOUND:.0e} {units} units away" if units else ""
    return f"{'ok  ' if good else 'FAIL'} {title:60} gradient {error:.1e} ({where}{jump})  loss {loss_error:.1e}", good


def run_cases(cases):
    """Prints the line of each case, a title and a function that gives what `compare` does; how many failed."""
    failed = 0
    for title, case in cases:
        try:
            line, good = case()
        except Failure as failure:
            line, good = f"FAIL {title}: {failure}", False
        print(line, flush=True)
        failed += not good
    return failed


def change_error(start, ours, theirs, rounding):
    """Largest over the tensors of |our change - their change| / |their change|, and its name.

    A change that is nothing but rounding (of a bias before a norm), below `rounding` of the whole model's, is
    measured by the whole; with 0 every change is measured by itself.
    """
    worst, where = 0.0, ""
    total = sum((theirs[n].double() - start[n]).norm().item() ** 2 for n in start) ** 0.5
    for name, before in start.items():
        if name not in ours:
            raise Failure(f"the checkpoint has no '{name}'; it has {', '.join(sorted(ours))}")
        expected = theirs[name].double() - before
        off = (ours[name].double() - before - expected).norm().item()
        scale = expected.norm().item()
        if rounding and scale <= rounding * total:
            scale = total
        error = off / max(scale, 1e-300) if off else 0.0
        if not error <= worst:
            worst, where = error, name
    return worst, where


def compare(title, base, precision, start, twin, rounding=0.0, other=None):
    """A line of the table, and whether everything is within bounds. `twin` is what PyTorch's run gave: the
    losses, and the weights after the first and after the last step. `other`: the losses of one that differs from it
    in rounding alone, to show how far such runs part."""
    losses, first, last = twin
    steps = len(losses)
    loss_error = max(abs(ours - theirs) / max(1, abs(theirs))
                     for ours, theirs in zip(losses_in(base), losses, strict=True))
    step_error, step_at = change_error(start, read_safetensors(checkpoint(base, 1)), first, rounding)
    total_error, total_at = change_error(start, read_safetensors(checkpoint(base, steps)), last, rounding)
    good = all(e <= b for e, b in zip((step_error, loss_error, total_error), BOUNDS[precision]))
    line = (f"{'ok  ' if good else 'FAIL'} {title:60} steps {steps:2}  first {step_error:.1e}  loss {loss_error:.1e}  "
            f"change {total_error:.1e}  (loss falls {100 * (1 - min(losses) / losses[0]):.0f} %)")
    if other:
        line += f"  own {max(abs(a - b) / max(1, abs(b)) for a, b in zip(other, losses, strict=True)):.1e}"
    return line + ("" if good else f"  worst: {step_at}, {total_at}"), good
