#!/usr/bin/env python3
"""What is kept on the host for the backward pass gives the same bits, and takes less memory of the device.

  offload.py --bin build/bin --data FOLDER [--case C]

Each job makes a few steps with everything on the device and with `offload: activations`: losses and all tensors of the
checkpoint are the same to the bit. The plan has a chunk on the host and verifies, and the simulated clock runs it to its
end. Where a step is one micro-batch of many blocks the chunk of the device is smaller.
"""
import json
import os
import sys

from tools import Failure, checkpoint, cluster, expect, job_text, load_tensors, losses, parallel, run, run_cases

STEPS = 3


def transformer(**changes):
    return "text-transformer", {"batch": 32, "epochs": None, "evaluate": None, "schedule": None, **changes}


# Name -> job, cluster, layout, whether the device's chunk must shrink. One device; several micro-batches; data-parallel in
# two processes; stages of a pipeline in two processes; convolutions on two devices of a process.
CASES = {
    "transformer 1x1": (transformer(), cluster(1, 1), parallel(), True),
    "transformer 1x1 micro": (transformer(accumulate=4), cluster(1, 1), parallel(), False),
    "transformer 2x1": (transformer(accumulate=2), cluster(2, 1), parallel(), False),
    "transformer pipeline": (transformer(accumulate=4), cluster(2, 1), parallel(stages=["n2"]), False),
    "cnn 1x2": (("fashion-mnist-cnn", {"batch": 64, "epochs": None, "evaluate": None, "schedule": None}), cluster(1, 2), parallel(), False),
}


def chunks(tools, base):
    """Kind of memory -> bytes of the device that has most of it."""
    plan = json.loads(run([tools.tool("of-plan"), "show", "--json", os.path.join(base, "job.plan")]).stdout)
    out = {}
    for role in plan["roles"]:
        for chunk in role["chunks"]:
            out[chunk["memory"]] = max(out.get(chunk["memory"], 0), chunk["bytes"])
    return out


def train(tools, name, job, cluster_text, layout, offload):
    example, changes = job
    changes = {**changes, "steps": STEPS, "checkpoint": f"{{every_steps: {STEPS}}}"}
    base = tools.compile(f"{name} {offload}", job_text(example, changes, [], layout + f"  offload: {offload}\n"),
                         cluster_text)
    plan = os.path.join(base, "job.plan")
    run([tools.tool("of-plan"), "verify", plan])
    run([tools.tool("of-plan"), "simulate", plan])
    tools.train(base, data=tools.data_for(example))
    return chunks(tools, base), losses(base), load_tensors(checkpoint(base, STEPS))


def check(tools, name):
    job, cluster_text, layout, shrinks = CASES[name]
    kept, kept_losses, kept_tensors = train(tools, name, job, cluster_text, layout, "none")
    away, away_losses, away_tensors = train(tools, name, job, cluster_text, layout, "activations")
    expect("pinned" not in kept and away.get("pinned", 0) > 0, f"chunks on the host: {kept} and {away}")
    expect(kept_losses == away_losses, f"losses differ: {kept_losses} and {away_losses}")
    expect(kept_tensors.keys() == away_tensors.keys(), "checkpoints have other tensors")
    for key, tensor in kept_tensors.items():
        expect(tensor == away_tensors[key], f"'{key}' differs")
    expect(not shrinks or away["host"] < kept["host"], f"the chunk of the device does not shrink: {kept['host']} to {away['host']}")
    return f"same bits; {kept['host']} bytes of a device with all there, {away['host']} with {away['pinned']} on the host"


if __name__ == "__main__":
    sys.exit(run_cases(CASES, check))
