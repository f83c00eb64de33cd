#!/usr/bin/env python3
"""What is computed again for the backward pass has the bits it had the first time, and takes less memory.

  recompute.py --bin build/bin --data FOLDER [--steps 20] [--case C]

Each job is trained as it is, selectively and in full: equal losses and equal parameters, bit for bit, at the end. The
chunk of the device that needs most is smaller. A search that has too little memory for keeping everything trains too.
"""
import argparse
import json
import os
import sys
import tempfile

from tools import Failure, Tools, checkpoint, cluster, job_text, load_tensors, losses, parallel, run

LEVELS = ("none", "selective", "full")


def transformer(**changes):
    return "text-transformer", {"batch": 32, "epochs": None, "evaluate": None, **changes}


# Name -> job, cluster, layout. One device; micro-batches on two processes; two stages of a pipeline; convolutions.
CASES = {
    "transformer 1x1": (transformer(), cluster(1, 1), parallel()),
    "transformer 2x1": (transformer(accumulate=2), cluster(2, 1), parallel()),
    "transformer pipeline": (transformer(accumulate=4), cluster(2, 1), parallel(stages=["n2"])),
    "cnn 1x2": (("fashion-mnist-cnn", {"batch": 64, "epochs": None, "evaluate": None}), cluster(1, 2), parallel()),
}


def chunk(tools, base):
    """Bytes of the device that needs most."""
    plan = json.loads(run([tools.tool("of-plan"), "show", "--json", os.path.join(base, "job.plan")]).stdout)
    return max(sum(c["bytes"] for c in role["chunks"]) for role in plan["roles"])


def train(tools, name, job, cluster_text, layout, steps, level):
    example, changes = job
    changes = {**changes, "steps": steps, "checkpoint": "{every_steps: %d}" % steps}
    base = tools.compile(f"{name} {level}", job_text(example, changes, (), layout + f"  recompute: {level}\n"),
                         cluster_text)
    tools.train(base, data=tools.data_for(example))
    return chunk(tools, base), losses(base), load_tensors(checkpoint(base, steps))


def check(tools, name, steps):
    bytes_of, (_, kept_losses, kept) = {}, (0, [], {})
    for level in LEVELS:
        bytes_of[level], found_losses, tensors = train(tools, name, *CASES[name], steps, level)
        if level == "none":
            kept_losses, kept = found_losses, tensors
        if found_losses != kept_losses:
            raise Failure(f"losses with recompute: {level} differ from those without")
        different = [key for key in kept if tensors[key] != kept[key]]
        if different:
            raise Failure(f"with recompute: {level} other bits in {', '.join(different[:5])}")
    if not bytes_of["full"] < bytes_of["none"] or not bytes_of["selective"] <= bytes_of["none"]:
        raise Failure(f"bytes of a device do not fall: {bytes_of}")
    return "equal bits; " + ", ".join(f"{level} {bytes_of[level]} bytes" for level in LEVELS)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--case", action="append", choices=CASES)
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(options.bin, options.data, folder)
        for name in options.case or CASES:
            try:
                print(f"{name}: {check(tools, name, options.steps)}", flush=True)
            except Failure as error:
                failed = True
                print(f"{name}: FAILED\n{error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
