#!/usr/bin/env python3
"""Every way to spread a job computes the same, through the real tools.

  equivalence.py --bin build/bin --data FOLDER [--steps 200] [--points 20] [--model M] [--case C]

  fp64   losses of free-running steps within 1e-9 (relative) of one device's, and equal bits when repeated
  fp32   one step from one device's state, at points of its run: loss within 1e-5, each gradient within
         1e-3 of its norm (gradients are read from the momentum: g = m' - momentum * m). A gradient that
         is zero but for rounding, like that of a key's bias in attention, has no norm to speak of: what
         is below 1e-5 of the whole gradient's norm is measured by that, so to 1e-8 of the whole, which
         is less than one rounding of single precision. Where the gradient jumps (kinks.py) a point above
         1e-3 must be within 1e-3 of one device's gradient for parameters a few units away
  bits   two devices data-parallel: in one process, in two over shared memory, over sockets, with 1, 2
         and 4 slots in every register: equal losses

One line per case; exit code 1 if one fails.
"""
import argparse
import os
import shutil
import sys
import tempfile

import kinks
from tools import (Failure, Tools, checkpoint, cluster, deviation, job_text, load_tensors, losses, norm, parallel,
                   pin)

MOMENTUM = 0.9

DATA = {
    "1x1": (cluster(1, 1), parallel()),
    "1x2": (cluster(1, 2), parallel()),
    "2x1": (cluster(2, 1), parallel()),
    "2x2": (cluster(2, 2), parallel()),
    "two hosts": (cluster(2, 1, hosts=2), parallel()),
    "inside nodes first": (cluster(2, 2, hosts=2), parallel({"data_node": 2, "data": 2})),
}


def hybrid(columns, rows, biases=()):
    """Layers split by columns, then by rows, on the axis `model`."""
    pins = [pin("parameter", name, model="S(1)") for name in columns]
    pins += [pin("parameter", name, model="S(0)") for name in rows]
    return pins + [pin("parameter", name, model="S(0)") for name in biases]


MLP_PINS = hybrid(["fc1.weight"], ["fc2.weight"], ["fc1.bias"])
CNN_PINS = hybrid(["fc1.weight"], ["fc2.weight"], ["fc1.bias"])
TRANSFORMER_PINS = hybrid(
    [f"layer{n}.{name}.weight" for n in (1, 2) for name in ("q", "k", "v", "up")],
    [f"layer{n}.{name}.weight" for n in (1, 2) for name in ("o", "down")],
    [f"layer{n}.{name}.bias" for n in (1, 2) for name in ("q", "k", "v", "up")])

MODELS = {
    "mlp": {
        "example": "mlp",
        "changes": {"batch": 64},
        "edits": [(r"sgd: \{.*\}", f"sgd: {{lr: 0.05, momentum: {MOMENTUM}}}")],
        "layouts": {
            **DATA,
            "hybrid": (cluster(2, 1), parallel({"model": 2}, "none", pins=MLP_PINS)),
            "last layer by columns": (cluster(2, 1), parallel({"data": 2}, "data", pins=[
                pin("parameter", "fc2.weight", data="S(1)"), pin("parameter", "fc2.bias", data="S(0)"),
                pin("value", "logits", data="S(1)")])),
            "pipeline": (cluster(2, 1), parallel(stages=["z2"])),
            "pipeline, interleaved": (cluster(2, 1, hosts=2), parallel(stages=["h1", "z2", "logits"])),
            "pipeline, split": (cluster(2, 1), parallel(stages=["z2"], split="always")),
            "pipeline of four, split": (cluster(4, 1), parallel(stages=["h1", "z2", "logits"], split="always")),
            "data x model": (cluster(2, 2), parallel({"data": 2, "model": 2}, pins=MLP_PINS)),
            "uneven": (cluster(3, 1), parallel()),
        },
    },
    "cnn": {
        "example": "fashion-mnist-cnn",
        "changes": {"batch": 32, "schedule": None},
        "edits": [(r"sgd: \{.*\}", f"sgd: {{lr: 0.05, momentum: {MOMENTUM}}}")],
        "layouts": {
            **DATA,
            "hybrid": (cluster(2, 1), parallel({"model": 2}, "none", pins=CNN_PINS)),
            "last layer by columns": (cluster(2, 1), parallel({"data": 2}, pins=[
                pin("parameter", "fc2.weight", data="S(1)"), pin("parameter", "fc2.bias", data="S(0)"),
                pin("value", "logits", data="S(1)")])),
            "channels": (cluster(2, 1), parallel({"model": 2}, "none", pins=[
                pin("parameter", "conv1.weight", model="S(0)"), pin("parameter", "conv2.weight", model="S(1)")])),
            "pipeline": (cluster(2, 1), parallel(stages=["c2"])),
            "data x model": (cluster(2, 2), parallel({"data": 2, "model": 2}, pins=CNN_PINS)),
        },
    },
    "transformer": {
        "example": "text-transformer",
        "changes": {"batch": 16, "schedule": None, "clip_norm": None, "optimizer": f"{{sgd: {{lr: 0.2, momentum: {MOMENTUM}}}}}"},
        "edits": [],
        "layouts": {
            **DATA,
            "hybrid": (cluster(2, 1), parallel({"model": 2}, "none", pins=TRANSFORMER_PINS + [
                pin("parameter", "embedding.weight", model="S(0)")])),
            "pipeline": (cluster(2, 1), parallel(stages=["n2"])),
            "pipeline, interleaved, split": (cluster(2, 1), parallel(stages=["y1", "n2", "m2"], split="always")),
            "data x model": (cluster(2, 2), parallel({"data": 2, "model": 2}, pins=TRANSFORMER_PINS)),
        },
    },
}


def micros_of(name):
    return 4 if name.startswith("pipeline") else 1


def compile_case(tools, model, name, layout, precision, steps, slots=None, **changes):
    spec = MODELS[model]
    cluster_text, parallel_text = layout
    micros = changes.pop("accumulate", micros_of(name))
    changes = {"epochs": None, "evaluate": None, "checkpoint": None, **spec["changes"], "steps": steps,
               "precision": precision, "accumulate": micros, **changes}
    job = job_text(spec["example"], changes, spec["edits"], parallel_text)
    return tools.compile(f"{model}-{precision}-{name}-{micros}-{slots}-{steps}", job, cluster_text, slots)


def train(tools, model, base, *flags, **more):
    return tools.train(base, *flags, data=tools.data_for(MODELS[model]["example"]), **more)


class Single:
    """Runs of one device, each made once."""

    def __init__(self, tools, model, steps, points):
        self.tools, self.model, self.steps, self.points = tools, model, steps, points
        self.runs = {}

    def fp64(self, micros):
        return self._run("fp64", micros, self.steps, None)

    def fp32(self, micros):
        """A run that saves at every point and one step after it."""
        every = max(self.steps // self.points, 2)
        return self._run("fp32", micros, every * self.points, every), every

    def _run(self, precision, micros, steps, every):
        key = (precision, micros)
        if key not in self.runs:
            save = f"{{every_steps: {every}, keep: 0}}" if every else None
            base = compile_case(self.tools, self.model, "one device", DATA["1x1"], precision, steps,
                                accumulate=micros, checkpoint=save)
            self.runs[key] = train(self.tools, self.model, base, "--keep", "0")
        return self.runs[key]


def check_fp64(tools, single, model, name, layout):
    micros = micros_of(name)
    one = losses(single.fp64(micros))
    base = compile_case(tools, model, name, layout, "fp64", single.steps)
    mine = losses(train(tools, model, base))
    again = losses(train(tools, model, base, out=base + "/again"))
    worst, fall = deviation(one, mine), 1 - min(mine) / mine[0]
    text = (f"{len(mine)} steps, worst deviation {worst:.1e}, loss falls {100 * fall:.0f} %, repeated "
            f"{'alike' if mine == again else 'DIFFERENT'}")
    return worst <= 1e-9 and mine == again and (fall >= 0.2 or single.steps < 50), text


def one_step(tools, model, base, state, step, out):
    """Loss and state after one step from a checkpoint."""
    shutil.rmtree(out, ignore_errors=True)  # of the layout before: a run does not write over checkpoints
    train(tools, model, base, "--resume", state, "--steps", str(step + 1), out=out)
    return losses(out)[-1], load_tensors(checkpoint(out, step + 1))


def gradients(before, after):
    out = {}
    for name in before:
        if name.endswith(".momentum"):
            out[name] = [y - MOMENTUM * x for x, y in zip(before[name][1], after[name][1])]
    return out


def shares(g, h):
    """How far each gradient of `h` is from that of `g`, by its norm."""
    floor = 1e-5 * norm([norm(values) for values in g.values()])
    return {key[:-len(".momentum")]: norm([x - y for x, y in zip(g[key], h[key])]) / max(norm(g[key]), floor) for key in g}


def at_kink(tools, model, one, state, step, found):
    """How many units away one device has the gradients `found`, if it has them near by."""
    before = load_tensors(state)
    parameters = {key[:-len(".momentum")] for key in before if key.endswith(".momentum")}

    def error(units, seed):
        near = kinks.nudge(state, f"{one}/near", parameters, seed, units)
        _, after = one_step(tools, model, one, near, step, f"{one}/near-{step}")
        return max(shares(gradients(before, after), found).values())

    return kinks.units_away(error)


def check_fp32(tools, single, model, name, layout):
    micros = micros_of(name)
    run, every = single.fp32(micros)
    last = every * single.points
    save = "{every_steps: 1, keep: 0}"
    one = compile_case(tools, model, "stepper", DATA["1x1"], "fp32", last + 1, accumulate=micros, checkpoint=save)
    mine = compile_case(tools, model, name, layout, "fp32", last + 1, checkpoint=save)
    worst_loss, worst_gradient, worst_name, jumps, above = 0, 0, "", [], 0
    for step in range(every, last + 1, every):
        state = checkpoint(run, step)
        before = load_tensors(state)
        expected_loss, expected = one_step(tools, model, one, state, step, f"{one}/{step}")
        found_loss, found = one_step(tools, model, mine, state, step, f"{mine}/{step}")
        worst_loss = max(worst_loss, deviation([expected_loss], [found_loss]))
        h = gradients(before, found)
        worst, share = max(shares(gradients(before, expected), h).items(), key=lambda item: item[1])
        if share > kinks.BOUND:
            units = at_kink(tools, model, one, state, step, h)
            if units:
                jumps.append(f"{share:.1e} of {worst} at step {step}, {units} units away")
                continue
            above += 1
        if share > worst_gradient:
            worst_gradient, worst_name = share, worst
    text = (f"{single.points} points: loss {worst_loss:.1e}, worst gradient {worst_gradient:.1e} of its norm"
            + (f" ({worst_name})" if worst_name else "") + (f"; at a kink: {'; '.join(jumps)}" if jumps else ""))
    return worst_loss <= 1e-5 and not above, text


def check_bits(tools, model, steps):
    runs = {}
    for name in ("1x2", "2x1", "two hosts"):
        runs[name] = losses(train(tools, model, compile_case(tools, model, name, DATA[name], "fp32", steps)))
    base = compile_case(tools, model, "ucx", DATA["two hosts"], "fp32", steps)
    runs["UCX"] = losses(train(tools, model, base, "--transport", "ucx", env={"UCX_TLS": "tcp,self"}))
    for slots in (1, 2, 4):
        for name in ("2x1", "two hosts"):
            base = compile_case(tools, model, name, DATA[name], "fp32", steps, slots=slots)
            runs[f"{name}, {slots} slots"] = losses(train(tools, model, base))
    first = next(iter(runs.values()))
    different = [name for name, found in runs.items() if found != first]
    text = f"{len(runs)} runs of {steps} steps, " + (f"DIFFERENT: {different}" if different else "equal bits")
    return not different, text


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--model", action="append", choices=list(MODELS))
    parser.add_argument("--case", action="append", help="a layout, or bits")
    parser.add_argument("--kind", action="append", choices=["fp64", "fp32", "bits"])
    parser.add_argument("--keep", help="folder for everything that is made")
    args = parser.parse_args()
    failed = 0

    def report(label, check, *arguments):
        nonlocal failed
        try:
            ok, text = check(*arguments)
        except Failure as failure:
            ok, text = False, str(failure)
        failed += not ok
        print(f"{'ok  ' if ok else 'FAIL'} {label}: {text}", flush=True)

    with tempfile.TemporaryDirectory() as temporary:
        tools = Tools(args.bin, args.data, os.path.abspath(args.keep) if args.keep else temporary)
        kinds = args.kind or ["fp64", "fp32", "bits"]
        for model in args.model or MODELS:
            single = Single(tools, model, args.steps, args.points)
            for name, layout in MODELS[model]["layouts"].items():
                if args.case and name not in args.case:
                    continue
                if "fp64" in kinds:
                    report(f"{model}, {name}, fp64", check_fp64, tools, single, model, name, layout)
                if "fp32" in kinds:
                    report(f"{model}, {name}, fp32", check_fp32, tools, single, model, name, layout)
            if "bits" in kinds and (not args.case or "bits" in args.case):
                report(f"{model}, bits", check_bits, tools, model, args.steps)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
