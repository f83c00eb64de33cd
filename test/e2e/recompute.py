#!/usr/bin/env python3
"""What is computed again for the backward pass gives the same gradients, and takes less memory.

  recompute.py --bin build/bin --data FOLDER [--case C]

Each job makes one step as it is, selectively and in full, in double precision: loss and gradients differ by no more
than rounding, since what is done again, or no longer kept, is fused otherwise. The chunks of all devices together are smaller.
"""
import json
import os
import sys

from tools import Failure, checkpoint, cluster, deviation, job_text, load_tensors, losses, norm, parallel, run, run_cases

LEVELS = ("none", "selective", "full")

# The first momentum is the gradient.
EDITS = [(r"(?m)^  (adamw|sgd): \{.*\}", "  sgd: {lr: 0.1, momentum: 0.9}")]


def transformer(**changes):
    return "text-transformer", {"batch": 32, "epochs": None, "evaluate": None, "schedule": None, **changes}


# Name -> job, cluster, layout. One device; micro-batches on two processes; two stages of a pipeline; convolutions.
CASES = {
    "transformer 1x1": (transformer(), cluster(1, 1), parallel()),
    "transformer 2x1": (transformer(accumulate=2), cluster(2, 1), parallel()),
    "transformer pipeline": (transformer(accumulate=4), cluster(2, 1), parallel(stages=["n2"])),
    "cnn 1x2": (("fashion-mnist-cnn", {"batch": 64, "epochs": None, "evaluate": None, "schedule": None}), cluster(1, 2), parallel()),
}


def chunks(tools, base):
    """Bytes of all devices together: where gradients of parameters wait, one stage may keep more while others keep less."""
    plan = json.loads(run([tools.tool("of-plan"), "show", "--json", os.path.join(base, "job.plan")]).stdout)
    return sum(sum(c["bytes"] for c in role["chunks"]) for role in plan["roles"])


def train(tools, name, job, cluster_text, layout, level):
    example, changes = job
    changes = {**changes, "precision": "fp64", "steps": 1, "checkpoint": "{every_steps: 1}"}
    base = tools.compile(f"{name} {level}", job_text(example, changes, EDITS, layout + f"  recompute: {level}\n"),
                         cluster_text)
    tools.train(base, data=tools.data_for(example))
    gradients = [x for key, (_, values) in sorted(load_tensors(checkpoint(base, 1)).items())
                 if key.endswith(".momentum") for x in values]
    return chunks(tools, base), losses(base), gradients


def check(tools, name):
    bytes_of, worst = {}, 0
    for level in LEVELS:
        bytes_of[level], found_losses, found = train(tools, name, *CASES[name], level)
        if level == "none":
            kept_losses, kept = found_losses, found
        worst = max(worst, deviation(kept_losses, found_losses), norm([x - y for x, y in zip(kept, found)]) / norm(kept))
    if not worst <= 1e-13:
        raise Failure(f"losses or gradients differ by {worst:.1e} of their norm")
    if not bytes_of["full"] < bytes_of["none"] or not bytes_of["selective"] <= bytes_of["none"]:
        raise Failure(f"bytes of devices do not fall: {bytes_of}")
    return f"gradients within {worst:.1e}; " + ", ".join(f"{level} {bytes_of[level]} bytes" for level in LEVELS)


if __name__ == "__main__":
    sys.exit(run_cases(CASES, check))
