#!/usr/bin/env python3
"""First values of parameters from a safetensors file: the key `initial`, and --weights.

  initial.py --bin build/bin --data FOLDER

Whole, split over a model axis and dealt to pipeline stages: every device gets its part, bit for bit (the
learning rate is too small to change anything). A file of another model is refused with every name that is
missing, different or not wanted.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import torch

from models import DataSets, draw_weights, job_text
from tensors import read_safetensors, write_safetensors
from tools import Failure, Tools, checkpoint, cluster, expect, parallel, pin

OPTIMIZER = "{sgd: {lr: 1e-300, momentum: 0.9}}"
LAYOUTS = {
    "one device": (cluster(1, 1), ""),
    "two nodes": (cluster(2, 1), ""),
    "split": (cluster(2, 1), parallel({"model": 2}, "none", pins=[
        pin("parameter", "fc1.weight", model="S(1)"), pin("parameter", "fc1.bias", model="S(0)"),
        pin("parameter", "fc2.weight", model="S(0)")])),
    "stages": (cluster(2, 1), parallel(stages=["z2"])),
}


def loaded_everywhere(tools, data, weights):
    write_safetensors(os.path.join(tools.folder, "weights.safetensors"), weights)
    for name, (machines, layout) in LAYOUTS.items():
        # Named relative to the folder of the data.
        job = job_text("mlp", data, "fp64", OPTIMIZER, 1, 1, initial="weights.safetensors") + layout
        base = tools.compile(name, job.replace("files: [", f"files: [{tools.images}/"), machines)
        found = read_safetensors(checkpoint(tools.train(base), 1))
        for key, value in weights.items():
            expect(torch.equal(found[key], value), f"{name}: {key} is not what the file holds")
        print(f"ok   {name}: {len(weights)} parameters as in the file", flush=True)
    return base


def checkpoint_as_weights(tools, base, weights):
    """A checkpoint also holds the optimizer's state, which is not taken from it."""
    found = read_safetensors(checkpoint(tools.train(base, "--weights", base, out=base + "-again"), 1))
    for key, value in weights.items():
        expect(torch.equal(found[key], value), f"--weights of a checkpoint: {key} differs")
    print("ok   a checkpoint as --weights", flush=True)


def refused(tools, base, weights, change, *texts):
    path = os.path.join(tools.folder, "wrong.safetensors")
    if os.path.exists(path):
        os.remove(path)
    if change is not None:
        write_safetensors(path, change(dict(weights)))
    tools.next_port += 16
    result = subprocess.run([tools.tool("of-run"), os.path.join(base, "job.plan"), "--local", "--data", tools.data,
                             "--out", base + "-refused", "--port", str(tools.next_port), "--weights", path],
                            capture_output=True, text=True)
    expect(result.returncode == 2, f"exit {result.returncode}, not 2: {result.stderr}")
    for text in texts:
        expect(text in result.stderr, f"'{text}' is not said:\n{result.stderr}")
    print(f"ok   refused: {texts[0]}", flush=True)


def without(weights, *names):
    return {k: v for k, v in weights.items() if k not in names}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(args.bin, folder, folder)
        tools.images = args.data
        tools_for_data = Tools(args.bin, args.data, folder)
        weights = draw_weights("mlp")
        try:
            base = loaded_everywhere(tools, DataSets(tools_for_data)["mlp"], weights)
            checkpoint_as_weights(tools, base, weights)
            refused(tools, base, weights, lambda w: without(w, "fc1.bias", "fc2.weight"), "Missing: fc1.bias fc2.weight.")
            refused(tools, base, weights, lambda w: {**without(w, "fc1.bias"), "fc1.biass": w["fc1.bias"]},
                    "Missing: fc1.bias. Not wanted: fc1.biass.")
            refused(tools, base, weights, lambda w: {**w, "fc2.bias": w["fc2.bias"].float()},
                    "fc2.bias (f32 10, wanted f64 10)")
            refused(tools, base, weights, lambda w: {**w, "fc1.weight": w["fc1.weight"].T},
                    "fc1.weight (f64 32x784, wanted f64 784x32)")
            refused(tools, base, weights, None, "cannot open", "wrong.safetensors")
        except Failure as failure:
            print(f"FAIL {failure}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
