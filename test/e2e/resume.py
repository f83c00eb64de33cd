#!/usr/bin/env python3
"""A run that is killed and resumed ends like one that was left alone.

  resume.py --bin build/bin --data FOLDER [--full] [--keep FOLDER]

Two processes train; once a few checkpoints are there, all of them are killed (SIGKILL) at whatever they do.
The same plan, resumed, must give the same bits: losses from the resumed step on, and every tensor of the last
checkpoint. In fp64 the checkpoint also goes on with one device and with four: losses and tensors within 1e-9.
"""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import torch

from models import DataSets, job_text
from tensors import read_safetensors
from tools import Failure, Tools, checkpoint, cluster

EVERY = 5
OPTIMIZER = "{adamw: {lr: 0.002}}"


def steps_in(out):
    """Finished checkpoints, ascending."""
    folder = os.path.join(out, "checkpoints")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(int(m.group(1)) for m in (re.fullmatch(r"step-(\d+)", n) for n in names)
                  if m and os.path.exists(os.path.join(folder, m.group(0), "manifest.json")))


def losses_by_step(out):
    """The last record of each step: a resumed run adds to the file."""
    with open(os.path.join(out, "metrics.jsonl")) as file:
        records = [json.loads(line) for line in file if line.endswith("}\n")]
    return {r["step"]: r["loss"] for r in records if r["program"] == "train"}


def train_and_kill(tools, base, out, after, total):
    """Kills the run once the checkpoint of step `after` is there; returns the newest one that is left."""
    tools.next_port += 16
    command = [tools.tool("of-run"), os.path.join(base, "job.plan"), "--local", "--data", tools.data,
               "--out", out, "--port", str(tools.next_port), "--keep", "0"]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    deadline = time.time() + 60
    while not steps_in(out) or steps_in(out)[-1] < after:
        if process.poll() is not None or time.time() > deadline:
            raise Failure(f"{base}: ended or stood still before step {after}: exit {process.poll()}")
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    newest = steps_in(out)[-1]
    if newest == total:
        raise Failure(f"{base}: had finished before it was killed; give it more steps")
    return newest


def same_bits(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k].flatten().view(torch.uint8) if a[k].dim() else a[k],
                                                    b[k].flatten().view(torch.uint8) if b[k].dim() else b[k])
                                        for k in a)


def deviation(a, b):
    """Largest |a - b| / |a| of the tensors."""
    return max(((a[k].double() - b[k].double()).norm() / a[k].double().norm().clamp(min=1e-30)).item() for k in a)


def killed_and_resumed(tools, data, model, precision, steps):
    name = f"{model} {precision}"
    job = job_text(model, data, precision, OPTIMIZER, steps, EVERY)
    base = tools.compile(name, job, cluster(2, 1))
    whole = tools.train(base, "--keep", "0", out=os.path.join(base, "whole"))
    killed = os.path.join(base, "killed")
    at = train_and_kill(tools, base, killed, 3 * EVERY, steps)
    copies = {n: os.path.join(base, f"on-{n}") for n in ("1x1", "2x2")}
    for copy in copies.values():
        shutil.copytree(killed, copy)
    tools.train(base, "--keep", "0", "--resume", killed, out=killed)
    expected, found = losses_by_step(whole), losses_by_step(killed)
    if expected != found or sorted(found) != list(range(steps)):
        raise Failure(f"{name}: losses differ after the resume at step {at}: "
                      f"{[(s, expected[s], found.get(s)) for s in expected if expected[s] != found.get(s)][:3]}")
    last = read_safetensors(checkpoint(whole, steps))
    if not same_bits(last, read_safetensors(checkpoint(killed, steps))):
        raise Failure(f"{name}: the last checkpoint has other bits after the resume at step {at}")
    text = f"killed after step {at} of {steps}: the same bits"
    if precision == "fp64":
        for n, out in copies.items():
            other = tools.compile(f"{name} {n}", job, cluster(*map(int, n.split("x"))))
            tools.train(other, "--keep", "0", "--resume", out, out=out)
            losses = losses_by_step(out)
            worst = max(abs(losses[s] - expected[s]) / abs(expected[s]) for s in expected)
            off = deviation(last, read_safetensors(checkpoint(out, steps)))
            if not max(worst, off) <= 1e-9:
                raise Failure(f"{name}: resumed on {n}, losses are off by {worst:.1e}, tensors by {off:.1e}")
            text += f"; resumed on {n}: losses {worst:.1e}, tensors {off:.1e}"
    return f"{name}: {text}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--keep")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cases = [(m, p) for m in ("mlp", "cnn", "transformer") for p in ("fp64", "fp32")] if args.full else [("mlp", "fp64")]
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        tools = Tools(args.bin, args.data, os.path.abspath(args.keep or temporary))
        os.makedirs(tools.folder, exist_ok=True)
        data = DataSets(tools)
        for model, precision in cases:
            try:
                print("ok   " + killed_and_resumed(tools, data[model], model, precision, 200 if args.full else 60), flush=True)
            except Failure as failure:
                failed += 1
                print(f"FAIL {failure}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
